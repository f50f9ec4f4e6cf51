"""The job where there is neither cron nor systemd: macOS, Windows, containers; and its log."""

from __future__ import annotations

RUN_SH = """\
#!/bin/sh
# Runs one verb (export, unless another is named) for one home. For whatever starts programs without
# a configuration of its own: systemd, Kubernetes, somebody's wrapper.
set -eu

home=${CALENDAR_SYNC_HOME:-@HOME@}
program=${CALENDAR_SYNC_PROGRAM:-@PROGRAM@}

# systemd (LoadCredential) and Kubernetes (a mounted secret) lend copies that cannot be written. The
# client follows its copy; the grant is taken over once, because we rewrite it when it changes.
lent=${CREDENTIALS_DIRECTORY:-}
take() {
    umask 077
    mkdir -p "$home/credentials"
    cp "$lent/$1" "$home/credentials/.$1.new"
    mv "$home/credentials/.$1.new" "$home/credentials/$1"
}
if [ -n "$lent" ] && [ -f "$lent/client_secrets.json" ]; then
    (take client_secrets.json)
fi
if [ -n "$lent" ] && [ -f "$lent/token.json" ] && [ ! -e "$home/credentials/token.json" ]; then
    (take token.json)
fi

if [ $# -eq 0 ]; then
    set -- export --quiet
fi
exec "$program" --home "$home" "$@"
"""

LAUNCHD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN"
  "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- To ~/Library/LaunchAgents/, then: launchctl load ~/Library/LaunchAgents/calendar-sync.plist
     After sleep it runs once, however many times were missed. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>calendar-sync</string>
  <key>ProgramArguments</key>
  <array>
    <string>/Users/ada/.venv/bin/calendar-sync</string>
    <string>export</string>
    <string>--home</string>
    <string>/Users/ada/calendars</string>
    <string>--quiet</string>
  </array>
  <key>StartCalendarInterval</key>
  <array>
    <dict><key>Minute</key><integer>0</integer></dict>
    <dict><key>Minute</key><integer>15</integer></dict>
    <dict><key>Minute</key><integer>30</integer></dict>
    <dict><key>Minute</key><integer>45</integer></dict>
  </array>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardErrorPath</key>
  <string>/Users/ada/calendars/cron.log</string>
</dict>
</plist>
"""

WINDOWS = """\
<?xml version="1.0" encoding="UTF-8"?>
<!-- schtasks /Create /TN calendar-sync /XML calendar-sync.xml -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <TimeTrigger>
      <StartBoundary>2026-01-01T00:00:00</StartBoundary>
      <Repetition>
        <Interval>PT15M</Interval>
      </Repetition>
    </TimeTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT2H</ExecutionTimeLimit>
  </Settings>
  <Actions>
    <Exec>
      <Command>C:\\calendar-sync\\.venv\\Scripts\\calendar-sync.exe</Command>
      <Arguments>export --home C:\\calendar-sync\\home --quiet</Arguments>
    </Exec>
  </Actions>
</Task>
"""

DOCKERFILE = """\
# docker build -f cron/Dockerfile -t calendar-sync:local .
# docker run -v calendars:/data calendar-sync:local            the daemon, on the home's schedule
# docker run --rm -v calendars:/data calendar-sync:local export
#
# No cron inside: the daemon is the scheduler, gets the signals and writes its log where it belongs.
FROM python:3.13-slim AS build
RUN python -m venv /opt/calendar-sync
COPY .ci/requirements.lock /src/
RUN /opt/calendar-sync/bin/pip install --no-cache-dir --require-hashes -r /src/requirements.lock
COPY pyproject.toml README.md LICENSE /src/
COPY calendar_sync /src/calendar_sync
RUN /opt/calendar-sync/bin/pip install --no-cache-dir --no-deps /src
# Google's client carries the documents of all its APIs, a hundred megabytes; two are used.
RUN find /opt/calendar-sync -path '*/discovery_cache/documents/*.json' \\
    ! -name calendar.v3.json ! -name admin.directory_v1.json -delete

FROM python:3.13-slim
COPY --from=build /opt/calendar-sync /opt/calendar-sync
COPY cron/run.sh /opt/calendar-sync/run.sh
ENV PATH=/opt/calendar-sync/bin:$PATH \\
    CALENDAR_SYNC_HOME=/data \\
    CALENDAR_SYNC_PROGRAM=/opt/calendar-sync/bin/calendar-sync
RUN install -d -m 0700 -o 10001 -g 10001 /data
USER 10001:10001
VOLUME /data
HEALTHCHECK --interval=5m --start-period=10m CMD ["calendar-sync", "status", "--quiet"]
ENTRYPOINT ["calendar-sync"]
CMD ["daemon"]
"""

LOGROTATE = """\
# To /etc/logrotate.d/calendar-sync. Every run opens its log anew, so nobody has to be told.
@HOME@/cron.log {
    su ada ada
    monthly
    rotate 12
    compress
    missingok
    notifempty
    nocreate
}
"""

"""systemd units: hardened ones for a machine, plain ones for a user's own home."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from calendar_sync.schedules.placing import Placing, fill, unit_words

# Everything that `systemd-analyze security` can be given by a job that needs the network, one
# folder and nothing else: an exposure of about 1.2 of 10.
_HARDENED = """\
DynamicUser=yes
StateDirectory=calendar-sync
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
CapabilityBoundingSet=
RemoveIPC=yes
TasksMax=128
MemoryMax=1G
"""
_CREDENTIALS = """\
# Copies, read-only: run.sh takes them over, because the grant is rewritten when it changes.
LoadCredential=client_secrets.json:/etc/calendar-sync/client_secrets.json
LoadCredential=token.json:/etc/calendar-sync/token.json
"""
_SERVICE = """\
# The job, once. calendar-sync.timer starts it.
[Unit]
Description=Google Calendar to files
Wants=network-online.target
After=network-online.target
OnFailure=calendar-sync-failed@%n.service

[Service]
Type=oneshot
# One command line: systemd 252 lends credentials to the first one only.
ExecStart=@RUN@
Environment=CALENDAR_SYNC_HOME=/var/lib/calendar-sync CALENDAR_SYNC_PROGRAM=@PROGRAM@
@CREDENTIALS@# 75: try again later, which the timer does.
SuccessExitStatus=75
TimeoutStartSec=2h
Nice=10
IOSchedulingClass=idle
@HARDENED@"""
_DAEMON = """\
# The job on the schedule of calendar-sync.toml, in a process that stays. Instead of the timer.
[Unit]
Description=Google Calendar to files, on a schedule of its own
Wants=network-online.target
After=network-online.target
OnFailure=calendar-sync-failed@%n.service

[Service]
Type=notify
# Killed and started anew when a run hangs so that even its deadline cannot end it.
WatchdogSec=5min
ExecStart=@RUN@ daemon --jitter 30s
Environment=CALENDAR_SYNC_HOME=/var/lib/calendar-sync CALENDAR_SYNC_PROGRAM=@PROGRAM@
@CREDENTIALS@SuccessExitStatus=143
Restart=on-failure
RestartSec=60
# Only a person can mend these: usage, consent, configuration.
RestartPreventExitStatus=2 77 78
TimeoutStopSec=90
@HARDENED@
[Install]
WantedBy=multi-user.target
"""
_FAILED = """\
# Says that a unit failed, also when the program could not even start; [tell] says the rest.
[Unit]
Description=Say that %i failed

[Service]
Type=oneshot
ExecStart=/usr/bin/logger -t calendar-sync -p daemon.err "%i failed, see: journalctl -u %i"
@HARDENED@"""
_TIMER = """\
[Unit]
Description=Google Calendar to files, regularly

[Timer]
OnCalendar=@WHEN@
# Catch up once after the machine was off.
Persistent=true
# Not everybody in the same second; the same delay each time.
RandomizedDelaySec=@DELAY@
FixedRandomDelay=true

[Install]
WantedBy=timers.target
"""
_USER_SERVICE = """\
# The job for the home @FOLDER@, by: calendar-sync schedule install --backend systemd
[Unit]
Description=Google Calendar to files

[Service]
Type=oneshot
ExecStart=@COMMAND@
SuccessExitStatus=75
TimeoutStartSec=2h
Nice=10
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
"""
_EVERY_QUARTER, _EVERY_FIVE_MINUTES = "*:0/15", "*:0/5"


def system_units(program: str, run: str) -> dict[str, str]:
    """Render the units of a machine, by name. The home is /var/lib/calendar-sync."""
    words = {"RUN": unit_words([run]), "PROGRAM": unit_words([program])}
    words |= {"HARDENED": _HARDENED, "CREDENTIALS": _CREDENTIALS}
    return {
        "calendar-sync.service": fill(_SERVICE, **words),
        "calendar-sync.timer": fill(_TIMER, WHEN=_EVERY_QUARTER, DELAY="90"),
        "calendar-sync-daemon.service": fill(_DAEMON, **words),
        # Without StateDirectory: it has nothing to keep.
        "calendar-sync-failed@.service": fill(_FAILED, HARDENED=_without_state(_HARDENED)),
    }


def _without_state(text: str) -> str:
    return "".join(line for line in text.splitlines(True) if "StateDirectory" not in line)


def user_units(placing: Placing, name: str) -> dict[str, str]:
    """Render a user's units for one home, by name.

    A schedule of the configuration is kept by the program (`--if-due`): systemd cannot read cron's
    language, and skips what falls into the hour that a DST change leaves out.
    """
    folder = str(placing.home).replace("\n", " ")
    when = _EVERY_FIVE_MINUTES if placing.if_due else _EVERY_QUARTER
    return {
        f"{name}.service": fill(_USER_SERVICE, FOLDER=folder, COMMAND=unit_words(placing.command)),
        f"{name}.timer": fill(_TIMER, WHEN=when, DELAY="30" if placing.if_due else "90"),
    }


def unit_name(home: Path) -> str:
    """Return the name of a home's units: readable, and another one for each home."""
    readable = re.sub(r"[^a-z0-9]+", "-", home.name.lower()).strip("-")[:40] or "home"
    return f"calendar-sync-{readable}-{hashlib.sha256(str(home).encode()).hexdigest()[:4]}"

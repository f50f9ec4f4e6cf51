"""The files under cron/, for the home of an imaginary Ada. `python -m calendar_sync.schedules.examples
cron` writes them again; crontab.example beside them is written by hand and compared by its own test.
"""

from __future__ import annotations

import sys
from pathlib import Path

from calendar_sync.schedules.elsewhere import (
    DOCKERFILE,
    LAUNCHD,
    LOGROTATE,
    RUN_SH,
    WINDOWS,
)
from calendar_sync.schedules.kubernetes import MANY_USERS, ONE_HOME
from calendar_sync.schedules.placing import Placing, fill
from calendar_sync.schedules.systemd import system_units, user_units

HOME = "/home/ada/calendars"
PROGRAM = "/home/ada/.venv/bin/calendar-sync"
MACHINE_PROGRAM = "/opt/calendar-sync/bin/calendar-sync"
MACHINE_RUN = "/opt/calendar-sync/run.sh"

README = """\
# Which of these do I want?

All of them start the same job, `calendar-sync export`, for one home folder. Two runs at once are no
danger anywhere: the second one ends with exit code 75 and does nothing.

| You have | Take | It is in |
| --- | --- | --- |
| Linux with cron | `calendar-sync schedule install` | your crontab, see `crontab.example` |
| Linux with systemd, for yourself | the same with `--backend systemd` | `systemd/user/` |
| a server, and the job should belong to nobody | hardened system units, see below | `systemd/` |
| a container host | the daemon in a container | `Dockerfile` |
| Kubernetes | a CronJob with a volume | `kubernetes/cronjob.yaml` |
| Kubernetes, and an organisation | an Indexed Job, by shards | `kubernetes/organisation.yaml` |
| an organisation, several machines | a crontab line on each, with `--shard` | see below |
| a Mac | launchd | `launchd/calendar-sync.plist` |
| Windows | a scheduled task; the program is not tested there | `windows/calendar-sync.xml` |
| no scheduler at all | `calendar-sync daemon` | reads `schedule` from calendar-sync.toml |

`run.sh` starts the job from anything else; it also takes over secrets that systemd or Kubernetes
lend. `logrotate.example` is for the log of a crontab line. Change paths and users to yours.

## systemd, for a whole machine

    sudo python3 -m venv /opt/calendar-sync
    sudo /opt/calendar-sync/bin/pip install .
    sudo install -m 0755 cron/run.sh /opt/calendar-sync/run.sh
    sudo install -d -m 0700 /etc/calendar-sync
    sudo install -m 0600 client_secrets.json token.json /etc/calendar-sync/
    sudo cp cron/systemd/*.service cron/systemd/*.timer /etc/systemd/system/
    sudo systemctl daemon-reload
    sudo systemctl enable --now calendar-sync.timer

`token.json` is the one that `calendar-sync consent` made, on any machine with a browser. The home is
/var/lib/calendar-sync, and the exports are below it. The units run as a user made up for them, may
write in this folder only, and score 1.2 in `systemd-analyze security` (0 is locked up, 10 is open).

## A user's units while nobody is logged in

    sudo loginctl enable-linger "$USER"

## An organisation on several machines

Give each machine a share of the users; a share is the same whoever comes or goes. On the first of four:

    7 * * * *  /opt/calendar-sync/bin/calendar-sync --home /srv/acme export --quiet --shard 1/4

and `2/4` to `4/4` on the others. With one shared disk /srv/acme is the same folder everywhere, and
`status` shows all shards; with a disk each, every machine has its own users' files. Let them begin
at different minutes: they share Google's quota.

## Times

The timer here and the crontab line count in the machine's zone. With `schedule` and `timezone` in
calendar-sync.toml the scheduler only asks every five minutes (`export --if-due`), and the program
keeps the schedule: in your zone, over DST changes, and once after the machine was off.

The files here are rendered: `python -m calendar_sync.schedules.examples cron` writes them again.
"""


def render_examples() -> dict[str, str]:
    """Return every rendered file under cron/, by its path there."""
    words = {"HOME": HOME, "PROGRAM": PROGRAM}
    files = {
        "README.md": README,
        "run.sh": fill(RUN_SH, **words),
        "launchd/calendar-sync.plist": LAUNCHD,
        "windows/calendar-sync.xml": WINDOWS,
        "kubernetes/cronjob.yaml": ONE_HOME,
        "kubernetes/organisation.yaml": MANY_USERS,
        "Dockerfile": DOCKERFILE,
        "logrotate.example": fill(LOGROTATE, **words),
    }
    machine = system_units(MACHINE_PROGRAM, MACHINE_RUN)
    files |= {f"systemd/{name}": text for name, text in machine.items()}
    mine = user_units(Placing((PROGRAM,), Path(HOME)), "calendar-sync")
    return files | {f"systemd/user/{name}": text for name, text in mine.items()}


def write_examples(folder: Path) -> None:
    """Write them; run.sh can be executed."""
    for name, text in render_examples().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if name.endswith(".sh") else 0o644)


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))

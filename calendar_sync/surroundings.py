"""What `doctor` sees around a home: git, locks, their filesystem, what starts the job, the clock."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from calendar_sync.checks import Check
from calendar_sync.errors import WrongConfiguration
from calendar_sync.grants.client_secrets import Google
from calendar_sync.home import Home
from calendar_sync.schedules.crontab import line_of_home
from calendar_sync.schedules.systemd import unit_name
from calendar_sync.schedules.user_systemd import unit_folder

_PUBLIC = {"README.md", ".gitignore"}  # of credentials/
_NETWORK_DISKS = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "fuse.sshfs", "davfs")
_NOTICEABLE, _TOO_MUCH = dt.timedelta(minutes=1), dt.timedelta(minutes=5)  # Google's own limit


def check_git(home: Home) -> Check:
    """Look whether a secret is in a repository, or would be by the next `git add .`."""
    if not home.credentials.is_dir():
        return Check("git", "pass", f"no {home.credentials} yet")
    tracked = _git(home.credentials, "ls-files", "-z")
    if tracked is None:
        return Check("git", "pass", f"{home.credentials} is in no git repository")
    secret = [name for name in tracked.split("\0") if name and name not in _PUBLIC]
    if secret:
        remedy = (
            f"git -C {home.credentials} rm --cached {secret[0]}, then new ones: its history keeps it"
            " (calendar-sync revoke, and a new client)"
        )
        return Check("git", "fail", f"git tracks {home.credentials / secret[0]}", remedy)
    names = [p.name for p in sorted(home.credentials.iterdir()) if p.name not in _PUBLIC]
    asked = os.fsencode("\0".join(names))
    ignored = (_git(home.credentials, "check-ignore", "-z", "--stdin", asked=asked) or "").split(
        "\0"
    )
    bare = [name for name in names if name not in ignored]
    if bare:
        finding = f"git does not ignore {home.credentials / bare[0]}"
        return Check("git", "warn", finding, f"echo '*' >{home.credentials / '.gitignore'}")
    return Check("git", "pass", f"git ignores all secrets in {home.credentials}")


def _git(folder: Path, *arguments: str, asked: bytes = b"") -> str | None:
    """Return what git says; None where there is no git, or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=asked,
            capture_output=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode > 1 or (done.returncode and arguments[0] == "ls-files"):
        return None
    return done.stdout.decode("utf-8", "surrogateescape")


def check_lock(home: Home) -> Check:
    """Name who holds the run's lock, from the kernel's list: to try it could disturb a run."""
    holder = holder_of(home.run_lock)
    if holder is None:
        return Check("lock", "pass", "no run is at work")
    return Check("lock", "pass", f"a run is at work, process {holder}")


def holder_of(lock: Path) -> int | None:
    """Return the process that holds a lock file; None when nobody does, or where nobody can tell."""
    try:
        about = lock.stat()
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    for words in map(str.split, lines):  # 1: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF
        if len(words) > 5 and words[1] in ("FLOCK", "POSIX") and words[5] == place:
            return int(words[4])
    return None


def check_filesystem(folder: Path) -> Check:
    """Take one lock through two descriptors: where both succeed, two runs would, too."""
    kind = filesystem_of(folder)
    remedy = "Put the home on a local disk; the exports may be elsewhere (output)"
    if not os.access(folder, os.W_OK):
        return Check("filesystem", "pass", f"{kind}; locks not tried, {folder} is not ours")
    try:
        excludes = _locks_exclude(folder)
    except OSError as error:
        finding = f"{kind} at {folder} has no locks ({(error.strerror or 'unknown').lower()})"
        return Check("filesystem", "fail", finding, remedy)
    if not excludes:
        return Check("filesystem", "fail", f"{kind} at {folder} does not keep locks apart", remedy)
    if kind.startswith(_NETWORK_DISKS):
        finding = f"{kind} at {folder}: locks work here, between machines they may not"
        return Check("filesystem", "warn", finding, remedy)
    return Check("filesystem", "pass", f"{kind}; locks keep two runs apart")


def _locks_exclude(folder: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has locks of another kind
        return True
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as one, open(one.name) as other:  # noqa: PTH123
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def filesystem_of(folder: Path) -> str:
    """Return the type of the filesystem a folder is on, `unknown` where nobody can tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return "unknown"
    place, best, kind = f"{folder.resolve()}/", "", "unknown"
    for line in lines:
        mount, _, about = line.partition(" - ")
        point = mount.split(" ")[4].replace("\\040", " ").rstrip("/") + "/"
        if place.startswith(point) and len(point) >= len(best):
            best, kind = point, about.split(" ")[0]
    return kind


def check_schedule(home: Home) -> Check:
    """Look for what starts the job: a line of cron, units, a daemon."""
    found = starters_of(home)
    if found:
        return Check("schedule", "pass", f"{', '.join(found)} starts the job")
    remedy = "calendar-sync schedule install, unless something starts it that cannot be seen here"
    return Check("schedule", "warn", "nothing is installed that starts the job", remedy)


def starters_of(home: Home) -> list[str]:
    """Name what starts the job for this home, as far as this user can see."""
    found = []
    daemon = holder_of(home.state / "daemon.lock")
    if daemon is not None:
        found.append(f"a daemon (process {daemon})")
    try:
        if line_of_home(home.folder):
            found.append("cron")
    except WrongConfiguration:
        pass  # no cron here
    timers = [unit_folder(os.environ) / f"{unit_name(home.folder)}.timer"]
    if home.folder == Path("/var/lib/calendar-sync"):
        units = Path("/etc/systemd/system")
        timers += [units / "calendar-sync.timer", units / "calendar-sync-daemon.service"]
    found += [f"systemd ({timer.name})" for timer in timers if timer.exists()]
    return found


def check_clock(google: Google, clock: Callable[[], dt.datetime]) -> Check:
    """Compare this machine's clock with the Date of an answer, whatever that answer is."""
    before = clock()
    date = _date_of(f"{google.api_endpoint}users/me/calendarList", direct=google.is_local)
    if date is None:
        return Check("clock", "pass", "not compared: the answer carries no date")
    middle = before + (clock() - before) / 2
    apart = abs(date - middle)
    words = f"{apart.total_seconds():.0f} s {'behind' if date > middle else 'before'} {google}'s"
    remedy = "Set it, and keep it right: timedatectl set-ntp true"
    if apart > _TOO_MUCH:
        return Check("clock", "fail", f"this clock is {words}; Google refuses that", remedy)
    if apart > _NOTICEABLE:
        return Check("clock", "warn", f"this clock is {words}", remedy)
    return Check("clock", "pass", f"within a minute of {google}'s")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Refuse; urllib raises the answer as an HTTPError then."""


def _date_of(url: str, *, direct: bool) -> dt.datetime | None:
    """Ask without a token; the Date of the refusal is enough. Raises OSError."""
    handlers: list[Any] = [_NoRedirects()]
    if direct:
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(url, timeout=10) as answer:
            text = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        text = error.headers["Date"]
        error.close()
    try:
        return parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None

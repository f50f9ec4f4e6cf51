"""doctor: a finding for everything that can be wrong, each with its remedy; nothing is changed."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from calendar_sync.emulator.scopes import READONLY
from calendar_sync.grants.client_secrets import Google
from calendar_sync.schedules.systemd import unit_name
from calendar_sync.surroundings import check_clock, check_filesystem, filesystem_of

Checks = dict[str, dict[str, str]]


def examine(home: Any, *arguments: str, expect: int | None = 0) -> Checks:
    """Return doctor's checks by name; what is not well must have a remedy."""
    done = home.run("doctor", "--json", *arguments, expect=expect)
    found = done.stdout.replace(f" --home {home.folder}", "")  # completes each command
    checks: Checks = {check["name"]: check for check in json.loads(found)["checks"]}
    for check in checks.values():
        assert check["result"] == "pass" or check["remedy"], check
    assert (done.returncode == 1) == any(c["result"] == "fail" for c in checks.values())
    assert not [secret for secret in home.google.secrets_issued if secret in done.stdout]
    return checks


@pytest.fixture
def healthy(new_home: Callable[..., Any]) -> Any:
    """A home with a good run behind it."""
    home = new_home()
    home.run("export")
    return home


def _files(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Every file with its bytes, mode and time. SQLite's readers leave -wal and -shm, empty."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            path.stat().st_mode,
            path.stat().st_mtime_ns if path.is_file() else 0,
        )
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(("-wal", "-shm", ".lock"))
    }


def test_a_healthy_home_passes_everything(healthy: Any) -> None:
    """0, and the grant was proven by a real refresh."""
    checks = examine(healthy)
    unwell = {name for name, check in checks.items() if check["result"] != "pass"}
    assert unwell == {"schedule"}, "nothing starts it, and that is worth a warning"
    assert list(checks) == [
        "home", "configuration", "modes", "git", "client", "grant", "disk", "filesystem", "lock",
        "mirror", "schedule", "last run", "clock", "google",
    ]  # fmt: skip
    assert healthy.google.requests.count("/token$") == 1
    assert "5 calendars" in checks["google"]["finding"]


def test_a_person_reads_one_line_for_each_check(healthy: Any) -> None:
    """Result, name, finding; the remedy below it."""
    lines = healthy.run("doctor", "--offline").stdout.splitlines()
    assert [line[:4] for line in lines if line[:4] != "pass"] == ["warn", "    "]
    assert lines[10].startswith("warn  schedule: nothing is installed")
    healthy.token.unlink()
    lines = healthy.run("doctor", "--offline", expect=1).stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("fail  grant: "))
    assert lines[at + 1] == f"      -> Run: calendar-sync consent --home {healthy.folder}"


def test_offline_asks_nobody_and_changes_nothing(healthy: Any) -> None:
    """Not one request, not one byte."""
    healthy.google.requests.clear()
    before = _files(healthy.folder)
    assert "google" not in examine(healthy, "--offline")
    assert len(healthy.google.requests) == 0
    assert _files(healthy.folder) == before


def test_only_the_refresh_is_saved(healthy: Any) -> None:
    """token.json gets a new access token; everything else in the home is as it was."""
    before, grant = _files(healthy.folder), json.loads(healthy.token.read_bytes())
    examine(healthy)
    after, fresh = _files(healthy.folder), json.loads(healthy.token.read_bytes())
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {"credentials/token.json"}
    of_the_refresh = {"token", "expiry", "issued_at", "expires_in", "token_type", "granted_scopes"}
    differing = {key for key in grant | fresh if grant.get(key) != fresh.get(key)}
    assert differing - {"version", "account"} <= of_the_refresh


def test_a_home_that_does_not_exist(tmp_path: Path, new_home: Callable[..., Any]) -> None:
    """Everything that is missing is named; nothing is made; Google is not asked."""
    home = new_home(granted=False)
    home.folder = tmp_path / "nowhere"
    checks = examine(home, expect=1)
    assert checks["client"]["result"] == checks["grant"]["result"] == "fail"
    assert checks["google"]["finding"].startswith("not asked")
    assert str(home.client_secrets) in checks["client"]["finding"]
    assert not home.folder.exists()
    assert len(home.google.requests) == 0


def test_a_missing_client_beside_a_grant_is_a_warning(healthy: Any) -> None:
    """The job goes on without it; the next consent will not."""
    healthy.client_secrets.unlink()
    client = examine(healthy)["client"]
    assert (client["result"], "consent" in client["finding"]) == ("warn", True)


def test_a_missing_grant(new_home: Callable[..., Any]) -> None:
    """The remedy is the command to type."""
    home = new_home(granted=False)
    assert examine(home, expect=1)["grant"]["remedy"] == "Run: calendar-sync consent"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"token": "x"}'])
def test_a_broken_grant(healthy: Any, content: bytes) -> None:
    """Damaged or useless: it fails, and stays as it is."""
    healthy.token.write_bytes(content)
    assert examine(healthy, expect=1)["grant"]["result"] == "fail"
    assert healthy.token.read_bytes() == content


def test_a_dead_grant(healthy: Any) -> None:
    """It looks well from here; only Google knows."""
    healthy.google.revoke_grants()
    checks = examine(healthy, expect=1)
    assert checks["grant"]["result"] == "pass"
    assert "no longer accepts the grant" in checks["google"]["finding"]
    assert checks["google"]["remedy"] == "Run: calendar-sync consent"


def test_a_grant_broader_than_needed(new_home: Callable[..., Any]) -> None:
    """It works, but whoever steals it can write, too."""
    home = new_home(granted=False)
    broad = ("https://www.googleapis.com/auth/calendar",)
    home.google.write_token(home.token, scopes=broad)
    grant = examine(home)["grant"]
    assert (grant["result"], "broader" in grant["finding"]) == ("warn", True)
    home.google.write_token(home.token, scopes=(READONLY,))
    assert examine(home)["grant"]["result"] == "pass"


@pytest.mark.parametrize(
    ("name", "mode", "wanted"),
    [("", 0o755, "700"), ("client_secrets.json", 0o640, "600"), ("token.json", 0o604, "600")],
)
def test_open_modes_are_named_and_left_alone(
    healthy: Any, name: str, mode: int, wanted: str
) -> None:
    """With the command that mends them; doctor itself only looks."""
    path = healthy / "credentials" / name
    path.chmod(mode)
    modes = examine(healthy, "--offline")["modes"]
    assert modes["result"] == "warn"
    assert modes["remedy"].startswith(f"chmod {wanted} {path}")
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("damage", ["garbage", "middle", "empty folder"])
def test_a_damaged_mirror(healthy: Any, damage: str) -> None:
    """A warning, because the next run mends it by itself; the file is not touched."""
    mirror = healthy / "state/mirror.sqlite3"
    content = mirror.read_bytes()
    if damage == "garbage":
        mirror.write_bytes(b"no database" * 1000)
    elif damage == "middle":
        mirror.write_bytes(content[:8192] + b"\xff" * 8192 + content[16384:])
    else:
        mirror.unlink()
        mirror.mkdir()
    check = examine(healthy, "--offline")["mirror"]
    assert (check["result"], "damaged" in check["finding"]) == ("warn", True)


def test_a_wrong_configuration_does_not_hide_the_rest(healthy: Any) -> None:
    """It fails with its line; the other checks are still made."""
    healthy.configure("shedule = 1\n")
    checks = examine(healthy, "--offline", expect=1)
    assert "line 1" in checks["configuration"]["finding"]
    assert checks["grant"]["result"] == "pass"


def test_an_api_that_is_not_enabled(healthy: Any) -> None:
    """What a new project forgets; with where to enable it."""
    healthy.google.faults.add("api_403_disabled", on="api", count=None)
    google = examine(healthy, expect=1)["google"]
    assert google["result"] == "fail"
    assert "enable" in (google["finding"] + google["remedy"]).lower()


def test_google_out_of_reach(healthy: Any) -> None:
    """The remedy is to look at the network, not at the grant."""
    healthy.google.stop()
    google = examine(healthy, expect=1)["google"]
    assert "could not be reached" in google["finding"]
    assert "network" in google["remedy"]


def test_a_failing_and_a_late_job(healthy: Any) -> None:
    """What the last run said, or that there should have been one."""
    healthy.configure('schedule = "* * * * *"\n')
    assert "next due" in examine(healthy, "--offline")["last run"]["finding"]
    healthy.google.faults.add("api_403_disabled", on="api")
    healthy.run("export", expect=78)
    last = examine(healthy, "--offline")["last run"]
    assert last["result"] == "warn"
    assert last["finding"].startswith("failing; last at ")
    assert last["remedy"] == "Run: calendar-sync export -v"
    never = examine(healthy, "--offline", "--config", "/dev/null")["last run"]
    assert never["result"] == "warn"


def test_an_exports_folder_nobody_can_write(healthy: Any) -> None:
    """A file in its place is the simplest such folder, for root as well."""
    for path in healthy.exports.iterdir():
        path.unlink()
    healthy.exports.rmdir()
    healthy.exports.write_text("")
    disk = examine(healthy, "--offline", expect=1)["disk"]
    assert disk["finding"] == f"cannot write in {healthy.exports}"
    healthy.configure('[[export]]\noutput = "/proc/nowhere"\n')
    assert "/proc" in examine(healthy, "--offline")["disk"]["finding"]


def test_secrets_in_a_repository(healthy: Any) -> None:
    """Tracked fails, not ignored warns, ignored is well. A repository above the home counts, too."""

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(healthy.folder.parent), *arguments], check=True)

    git("init", "-q")
    check = examine(healthy, "--offline")["git"]
    assert (check["result"], check["remedy"][:8]) == ("warn", "echo '*'")
    ignore = healthy / "credentials" / ".gitignore"
    ignore.write_text("*\n!.gitignore\n")
    assert examine(healthy, "--offline")["git"]["result"] == "pass"
    git("add", "--force", str(healthy.token))
    check = examine(healthy, "--offline", expect=1)["git"]
    assert check["result"] == "fail"
    assert str(healthy.token) in check["finding"]
    assert "rm --cached token.json" in check["remedy"]


def test_who_holds_the_lock_is_named_and_not_disturbed(healthy: Any) -> None:
    """From the kernel's list of locks."""
    assert examine(healthy, "--offline")["lock"]["finding"] == "no run is at work"
    with FileLock(healthy / "state" / "run.lock"):
        check = examine(healthy, "--offline")["lock"]
    assert check["finding"] == f"a run is at work, process {os.getpid()}"


def test_the_filesystem_and_its_locks(healthy: Any, tmp_path: Path) -> None:
    """Two descriptors of one file must not both get the lock; where there is one, it is named."""
    check = examine(healthy, "--offline")["filesystem"]
    assert "locks keep two runs apart" in check["finding"]
    assert filesystem_of(Path("/proc/self")) == "proc"
    assert check["finding"].startswith(filesystem_of(tmp_path))
    assert check_filesystem(Path("/proc")).result != "pass"


def test_what_starts_the_job_is_found(healthy: Any, tmp_path: Path) -> None:
    """The units of this home, not those of another one."""
    units = tmp_path / "config" / "systemd" / "user"
    units.mkdir(parents=True)
    surroundings = {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    def check() -> dict[str, str]:
        done = healthy.run("--json", "doctor", "--offline", environment=surroundings)
        checks = json.loads(done.stdout)["checks"]
        return dict(next(check for check in checks if check["name"] == "schedule"))

    (units / f"{unit_name(tmp_path / 'another')}.timer").touch()
    assert check()["remedy"].startswith(f"calendar-sync schedule install --home {healthy.folder}, ")
    (units / f"{unit_name(healthy.folder)}.timer").touch()
    assert (check()["result"], "systemd" in check()["finding"]) == ("pass", True)


@pytest.mark.parametrize(
    ("apart", "result"),
    [(30, "pass"), (-120, "warn"), (120, "warn"), (301, "fail"), (-301, "fail")],
)
def test_a_wrong_clock_is_seen_in_the_answers_date(google: Any, apart: int, result: str) -> None:
    """This machine's clock against Google's, without a token."""
    clock = lambda: dt.datetime.now(dt.UTC) - dt.timedelta(seconds=apart)  # noqa: E731
    check = check_clock(Google(api_endpoint=google.api_endpoint), clock)
    assert check.result == result
    assert ("behind" if apart > 0 else "before") in check.finding or result == "pass"
    assert [entry.path for entry in google.requests] == ["/calendar/v3/users/me/calendarList"]

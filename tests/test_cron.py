"""cron/crontab.example, and Debian's real cron that runs what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from calendar_sync.commands.plan import crontab_line, why_cron_must_ask
from calendar_sync.history import last_reports

EXAMPLE = (Path(__file__).parent.parent / "cron" / "crontab.example").read_text(encoding="utf-8")
PROGRAM, HOME = "/home/ada/.venv/bin/calendar-sync", "/home/ada/calendars"
CRON = shutil.which("cron") or shutil.which("cron", path="/usr/sbin:/sbin")
LONGEST = 100  # seconds: cron starts jobs at full minutes


def _entries(text: str) -> list[str]:
    """Return the lines that are jobs: no comments, no variables."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line for line in lines if not re.match(r"\w+=", line)]


def test_the_example_is_what_schedule_show_prints() -> None:
    """The one job, and the commented one for a zone of its own."""
    plain = crontab_line(PROGRAM, Path(HOME), "*/15 * * * *", if_due=False)
    asking = crontab_line(PROGRAM, Path(HOME), "*/15 * * * *", if_due=True)
    assert _entries(EXAMPLE) == [plain]
    assert f"#   {asking}" in EXAMPLE.splitlines()
    assert why_cron_must_ask("*/15 * * * *", None) == ""


def test_the_example_explains_what_people_stumble_over() -> None:
    """PATH, mail, percent signs, zones, locks; and every path in it is absolute."""
    for word in ("PATH=", "MAILTO=", "%", "zone", "--if-due", "flock", "schedule show"):
        assert word in EXAMPLE
    assert "~" not in EXAMPLE
    assert "$HOME" not in EXAMPLE
    prose = [line for line in EXAMPLE.splitlines() if "/home/" not in line]
    assert max(map(len, prose)) <= 100
    assert EXAMPLE.endswith("\n"), "cron ignores a last line without its end"


@pytest.mark.skipif(shutil.which("crontab") is None, reason="needs crontab (the package cron)")
def test_crontab_takes_the_example(tmp_path: Path) -> None:
    """Debian's crontab checks a file without installing it, where it knows -n."""
    if "-n" not in subprocess.run(["crontab", "--help"], capture_output=True, text=True).stderr:
        pytest.skip("this crontab has no -n (check only)")
    file = tmp_path / "crontab"
    file.write_text(EXAMPLE)
    done = subprocess.run(["crontab", "-n", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _has_text(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _can_isolate() -> bool:
    command = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "mount",
        "-t",
        "tmpfs",
        "x",
        "/mnt",
    ]
    return (
        shutil.which("unshare") is not None
        and not subprocess.run(command, capture_output=True).returncode
    )


@contextmanager
def _cron_running(crontab: str, folder: Path) -> Iterator[None]:
    """Run Debian's cron on this crontab alone, in a namespace where the machine's own is hidden.

    Its spool, /etc/crontab, /etc/cron.d and /run are other folders there; outside nothing changes.
    """
    spool, empty, run = folder / "spool", folder / "empty", folder / "run"
    for made in (spool, empty, run):
        made.mkdir()
    spool.chmod(0o1730)
    file = spool / "root"
    file.write_text(crontab)
    file.chmod(0o600)
    script = (
        f"mount --bind '{spool}' /var/spool/cron/crontabs && mount --bind '{empty}' /etc/cron.d"
        f" && mount --bind /dev/null /etc/crontab && mount --bind '{run}' /run && exec {CRON} -f"
    )
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    environment = {"PATH": os.environ["PATH"], "LANG": "xx_XX"}  # what must not reach a job
    with subprocess.Popen(command, cwd="/", env=environment) as cron:
        try:
            yield
            assert cron.poll() is None, "cron ended by itself"
        finally:
            cron.terminate()
            cron.wait(10)


@pytest.mark.needs_cron
@pytest.mark.skipif(CRON is None, reason="needs Debian's cron (the package cron)")
@pytest.mark.skipif(os.geteuid() != 0, reason="cron has to be started by root")
def test_real_cron_runs_the_example(new_home: Callable[..., Any], tmp_path: Path) -> None:
    """From cron's bare environment and another folder: exported, exit 0, a silent log.

    Beside it the line that `schedule show` prints for a home with a space and a percent sign.
    """
    if not _can_isolate():
        pytest.skip("needs the right to mount, to keep away from this machine's own crontabs")
    plain, odd = new_home("plain"), new_home("100% odd home")
    odd.configure('schedule = "* * * * *"\n')
    program = Path(sys.executable).with_name("calendar-sync")
    assert program.exists(), "the package is not installed beside this Python"
    example = EXAMPLE.replace(PROGRAM, str(program)).replace(HOME, str(plain.folder))
    example = re.sub(r"(?m)^\*/15 ", "* ", example)
    shown = odd.run("schedule", "show").stdout
    seen, code = tmp_path / "seen", tmp_path / "code"
    crontab = (
        f"{example}{shown}"
        f"* * * * * (env; echo pwd=$(pwd)) >{seen}\n"
        f"* * * * * {program} --home {tmp_path}/nowhere export 2>/dev/null; echo $? >{code}\n"
    )
    runs = [home / "state/mirror.sqlite3" for home in (plain, odd)]
    with _cron_running(crontab, tmp_path):
        deadline = time.monotonic() + LONGEST
        # Cron tells nobody when a job has ended; the job's own history does.
        while not (
            all(last_reports(run)[0] for run in runs) and _has_text(seen) and _has_text(code)
        ):
            assert time.monotonic() < deadline, sorted(tmp_path.glob("*/*"))
            time.sleep(0.1)
    for home, run in zip((plain, odd), runs, strict=True):
        report, _ = last_reports(run)
        assert report is not None
        assert (report.command, report.exit_code) == ("export", 0)
        assert len(list(home.exports.glob("*.ics"))) == 5
        assert (home.exports / "manifest.json").exists()
        assert (home / "cron.log").read_text() == ""
        assert home.run("status").returncode == 0
    environment = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    cron_sets = {
        "HOME",
        "LOGNAME",
        "PATH",
        "PWD",
        "SHELL",
        "MAILTO",
        "USER",
        "OLDPWD",
        "_",
        "SHLVL",
    }
    assert set(environment) - {"pwd"} <= cron_sets
    assert environment["PATH"] == "/usr/local/bin:/usr/bin:/bin"
    assert Path(environment["pwd"]) not in (plain.folder, odd.folder)
    assert code.read_text() == "78\n"

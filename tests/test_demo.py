"""demo: the whole story, told by one command to whoever has neither account nor terminal."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def tell(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo without a terminal, with temporary folders below `cwd`."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("CALENDAR_SYNC")},
        "TMPDIR": str(cwd),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-m", "calendar_sync", "demo", *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One telling, and the folder it was told in."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    done = tell(cwd=cwd)
    assert done.returncode == 0, done.stderr
    (home,) = cwd.iterdir()
    return done.stdout + done.stderr, home


def test_the_story_has_its_steps_in_order(told: Any) -> None:
    """Consent, first run, a change, second run, nothing to do, health, files."""
    story, home = told
    steps = [
        "# A Google of our own runs at 127.0.0.1",
        "# Consent, once.",
        "$ calendar-sync consent --no-browser",
        "clicked Allow",
        "Granted; the refresh token is in HOME/credentials/token.json.",
        "# The first run reads everything",
        "$ calendar-sync export",
        "5 updated; 6 requests.",
        "# Somebody works in the calendar",
        "added 'Lunch with Charles'",
        "# The second run reads the changes only.",
        "1 updated, 4 unchanged; 6 requests.",
        "# The third one finds nothing to do",
        "  5 unchanged; 6 requests.",
        "$ calendar-sync status",
        "fresh",
        "# What you have now:",
        f"Everything is in {home};",
    ]
    at = 0
    for step in steps:
        at = story.find(step, at)
        assert at >= 0, f"{step!r} is not told, or too early:\n{story}"


def test_what_is_told_is_true(told: Any) -> None:
    """Every file named is there with that size; the new event is in it, the grant is closed."""
    story, home = told
    named = re.findall(r"^  (exports/\S+) +(\d+) rows +(\d+) bytes$", story, re.M)
    assert len(named) == 10
    for path, _, size in named:
        assert (home / path).stat().st_size == int(size)
    assert "Lunch with Charles" in (home / "exports/team-friends.csv").read_text(encoding="utf-8")
    deleted = re.findall(r"deleted '(.+)'", story)
    assert deleted[0] not in (home / "exports/team-friends.csv").read_text(encoding="utf-8")
    assert stat.S_IMODE((home / "credentials/token.json").stat().st_mode) == 0o600


def test_no_secret_is_told(told: Any) -> None:
    """Neither of the grant nor of the client."""
    story, home = told
    grant = json.loads((home / "credentials/token.json").read_bytes())
    client = json.loads((home / "credentials/client_secrets.json").read_bytes())["installed"]
    for secret in (grant["token"], grant["refresh_token"], client["client_secret"]):
        assert secret
        assert secret not in story
    assert not re.search(r"ya29\.|1//|GOCSPX-|code=", story)
    assert "\x1b" not in story


def test_a_folder_can_be_named(tmp_path: Path) -> None:
    """Relative to where one stands; the language and the user's own home do not matter."""
    done = tell("--folder", "my demo", cwd=tmp_path, LC_ALL="C", HOME="/nonexistent")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my demo/exports/manifest.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["my demo"]


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    """It could be a real home, whose grant would be replaced."""
    token = tmp_path / "home/credentials/token.json"
    token.parent.mkdir(parents=True)
    token.write_text("precious")
    done = tell("--folder", "home", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert token.read_text() == "precious"


def test_another_home_of_the_user_is_not_touched(tmp_path: Path) -> None:
    """Not the one of the environment, and not the one around the current folder."""
    home = tmp_path / "home"
    (home / "credentials").mkdir(parents=True)
    (home / "calendar-sync.toml").write_text('schedule = "@daily"\n')
    before = sorted(tmp_path.rglob("*"))
    done = tell("--quiet", cwd=home, CALENDAR_SYNC_HOME=str(home), TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    after = [path for path in sorted(tmp_path.rglob("*")) if "calendar-sync-demo-" not in str(path)]
    assert after == before


def test_a_person_who_clicks_needs_a_terminal(tmp_path: Path) -> None:
    """--browser in a pipe is wrong usage, and nothing is begun."""
    done = tell("--browser", cwd=tmp_path)
    assert done.returncode == 2
    assert "terminal" in done.stderr
    assert list(tmp_path.iterdir()) == []

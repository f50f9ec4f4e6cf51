"""One home, found by four rules, whatever the current directory; every message says which won."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from calendar_sync.errors import WrongConfiguration
from calendar_sync.home import HOME_VARIABLE, find_home


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that is no home and is in none."""
    folder = tmp_path / "somewhere" / "else"
    folder.mkdir(parents=True)
    return folder


def run(home: Any, *arguments: str, cwd: Path, variables: Mapping[str, str] | None = None) -> Any:
    """Start the program with no --home, as a cron line may."""
    environment = {**home.environment(), "HOME": str(home.folder.parent / "user")}
    for name in ("XDG_DATA_HOME", HOME_VARIABLE):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-m", "calendar_sync", *arguments],
        cwd=cwd,
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def doctors_home(home: Any, *arguments: str, **where: Any) -> str:
    done = run(home, *arguments, "doctor", "--offline", **where)
    return next(str(line) for line in done.stdout.splitlines() if "home:" in line)


# -- the four rules, in their order


def test_the_flag_wins_over_everything(home: Any, new_home: Any, elsewhere: Path) -> None:
    other = new_home("other")
    line = doctors_home(
        home,
        "--home",
        str(home.folder),
        cwd=other.folder,
        variables={HOME_VARIABLE: str(other.folder)},
    )
    assert line == f"pass  home: {home.folder} (from --home)"


def test_the_variable_wins_over_the_current_folder(home: Any, new_home: Any) -> None:
    other = new_home("other")
    line = doctors_home(home, cwd=other.folder, variables={HOME_VARIABLE: str(home.folder)})
    assert line == f"pass  home: {home.folder} (from ${HOME_VARIABLE})"


@pytest.mark.parametrize("sign", ["credentials/client_secrets.json", "calendar-sync.toml"])
def test_the_nearest_folder_with_a_sign_above_the_current_one(home: Any, sign: str) -> None:
    if sign == "calendar-sync.toml":
        home.configure("")
        home.client_secrets.unlink()
    deep = home / "a" / "b"
    deep.mkdir(parents=True)
    line = doctors_home(home, cwd=deep)
    assert f"{home.folder} (the nearest folder with {sign}, looking up from {deep})" in line


def test_the_users_own_folder_is_the_last_resort(home: Any, elsewhere: Path) -> None:
    line = doctors_home(home, cwd=elsewhere)
    assert f"{home.folder.parent}/user/.local/share/calendar-sync (the user's own folder" in line
    moved = doctors_home(home, cwd=elsewhere, variables={"XDG_DATA_HOME": str(elsewhere)})
    assert f"{elsewhere}/calendar-sync" in moved


def test_an_empty_variable_is_no_variable(home: Any, elsewhere: Path) -> None:
    assert "the user's own" in doctors_home(home, cwd=elsewhere, variables={HOME_VARIABLE: ""})


def test_a_tilde_and_a_relative_name(home: Any, elsewhere: Path) -> None:
    line = doctors_home(home, cwd=home.folder.parent, variables={HOME_VARIABLE: home.folder.name})
    assert str(home.folder) in line
    line = doctors_home(home, "--home", "~/x", cwd=elsewhere)
    assert f"{home.folder.parent}/user/x" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--home", "", "status"],
        ["--config", "", "status"],
        ["export", "--output", ""],
        ["report", "--output", ""],
        ["migrate", ""],
    ],
)
def test_an_empty_name_is_not_the_current_folder(
    home: Any, elsewhere: Path, arguments: list[str]
) -> None:
    """A cron line's variable was not set; nothing is read or written by accident."""
    done = run(home, *arguments, cwd=elsewhere)
    assert done.returncode == 2 and "it is empty" in done.stderr
    assert [*elsewhere.iterdir()] == []


def test_a_user_whom_nobody_knows_is_told(home: Any, elsewhere: Path) -> None:
    done = run(home, "--home", "~nobody-at-all/x", "status", cwd=elsewhere)
    assert done.returncode == 78 and "~nobody-at-all/x" in done.stderr


def test_a_user_without_a_folder_names_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container by a number only: "~" stays, and would be a folder of the current one."""

    def unknown(_: int) -> None:
        raise KeyError

    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(WrongConfiguration, match=r"no \$HOME"):
        find_home(None, None, {}, tmp_path)


def test_a_folder_named_like_the_sign_is_no_sign(tmp_path: Path) -> None:
    (tmp_path / "calendar-sync.toml").mkdir()
    found = find_home(None, None, {"HOME": str(tmp_path)}, tmp_path)
    assert "own folder" in found.rule


def test_another_configuration_is_found_from_the_current_folder(tmp_path: Path) -> None:
    found = find_home(tmp_path / "home", Path("other.toml"), {}, tmp_path)
    assert found.config == tmp_path / "other.toml"
    assert found.folder == tmp_path / "home"


# -- a cron job: another folder, an almost empty environment


def test_a_job_started_from_the_root_folder_finds_its_home(home: Any) -> None:
    done = subprocess.run(
        home.command("export"),
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "SHELL": "/bin/sh"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (home.exports / "manifest.json").exists()


def test_a_home_whose_name_is_no_text_is_refused_by_every_verb(home: Any) -> None:
    """Latin-1 on a UTF-8 system: SQLite takes no such path, and no JSON can name it."""
    odd = home.folder.with_name("h\udcf6m")
    home.folder.rename(odd)
    for verb in ("export", "status", "doctor", "revoke"):
        done = run(home, "--home", str(odd), verb, cwd=Path("/"), variables={"LC_ALL": "C.UTF-8"})
        assert done.returncode == 78, done.stderr
        assert "/h\\udcf6m is no text" in done.stderr and "Rename it" in done.stderr


# -- what is not there


@pytest.mark.parametrize("verb", ["export", "calendars", "backfill"])
@pytest.mark.parametrize("with_client", [True, False])
def test_a_missing_grant_names_files_home_and_rule(
    new_home: Callable[..., Any], verb: str, with_client: bool
) -> None:
    home = new_home(granted=False)
    if not with_client:
        home.client_secrets.unlink()
    dates = ["--from", "2026-01-01", "--to", "2026-02-01"] if verb == "backfill" else []
    variables = {HOME_VARIABLE: str(home.folder)}
    done = run(home, verb, *dates, cwd=Path("/"), variables=variables)
    assert done.returncode == (77 if with_client else 78)
    assert str(home.token) in done.stderr
    assert f"home {home.folder} (from ${HOME_VARIABLE})" in done.stderr
    if not with_client:
        assert str(home.client_secrets) in done.stderr


@pytest.mark.parametrize(("verb", "code"), [("verify", 1), ("history", 0), ("changes", 0)])
def test_who_looks_in_the_wrong_home_sees_it(new_home: Any, verb: str, code: int) -> None:
    home = new_home()
    done = run(home, verb, cwd=home.folder)
    assert done.returncode == code
    assert f"{home.folder}/state/mirror.sqlite3; home {home.folder} (the nearest" in done.stderr


def test_a_missing_client_at_consent(new_home: Callable[..., Any], elsewhere: Path) -> None:
    home = new_home(granted=False)
    done = run(home, "consent", "--no-browser", cwd=elsewhere)
    assert done.returncode == 78
    assert "client_secrets.json" in done.stderr
    assert "the user's own folder" in done.stderr


def test_looking_creates_nothing(home: Any, elsewhere: Path) -> None:
    for verb in ("calendars", "status", "doctor", "revoke"):
        run(home, verb, cwd=elsewhere)
    assert not (home.folder.parent / "user").exists()
    assert list(elsewhere.iterdir()) == []

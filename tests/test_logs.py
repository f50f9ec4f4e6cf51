"""The log: a person's lines on a terminal, else key=value or JSON; the journal's priorities; a file
that survives rotation; the run's id; and no secret, whoever wrote it."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_sync import logs
from calendar_sync.logs import fields, line_format, redacted, run_id, set_up_logging
from calendar_sync.terminal import Terminal

ANY = st.text(st.characters())  # half surrogates, too: bytes of a file name that are no text
RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+")
log = logging.getLogger("calendar_sync")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging as it was: the test's own process is used."""
    monkeypatch.setattr(logs, "_in_use", logs.logging_in_use())
    root = logging.getLogger()
    before, levels = root.handlers[:], (root.level, log.level)
    yield
    root.handlers[:] = before
    root.setLevel(levels[0])
    log.setLevel(levels[1])
    run_id.set("")


def read_logfmt(line: str) -> dict[str, str]:
    """Read as logfmt's readers do: bare values, or quoted as in JSON."""
    pairs = re.findall(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)(?: |$)', line)
    assert " ".join(f"{key}={value}" for key, value in pairs) == line
    return {key: json.loads(v) if v.startswith('"') else v for key, v in pairs}


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("calendar_sync", logging.INFO, "", 0, message, arguments, None)
    made.__dict__.update(more)
    return made


# -- forms -----------------------------------------------------------------------------------------


def test_a_pipe_gets_one_line_of_key_and_value_for_each_event(home: Any) -> None:
    """Each has the time, the level and the run's id, which is the one that history shows."""
    events = [
        read_logfmt(line)
        for line in home.run("export", "-v").stderr.splitlines()
        if line.startswith("time=")
    ]
    assert [e["message"] for e in events] == [
        "run begins", *["calendar done"] * 5, "run done",
    ]  # fmt: skip
    assert events[-1]["exit_code"] == "0"
    assert {e["level"] for e in events} == {"info"}
    runs = json.loads(home.run("history", "--json").stdout)["runs"]
    assert {e["run_id"] for e in events} == {runs[0]["run_id"]}


def test_json_makes_every_line_of_stderr_an_event(home: Any) -> None:
    """What is said to a person, too; stdout stays what it is."""
    home.configure('log_format = "json"\n')
    done = home.run("--json", "export")
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert json.loads(done.stdout)["version"] == 1
    assert said == []  # nobody asked for more than the data
    said = [json.loads(line) for line in home.run("export").stderr.splitlines()]
    assert [(e["level"], e["message"]) for e in said] == [("info", "5 unchanged; 6 requests.")]
    home.token.unlink()
    (failed,) = home.run("--quiet", "export", expect=77).stderr.splitlines()
    event = json.loads(failed)
    assert event["level"] == "error"
    assert "calendar-sync consent" in event["message"]
    assert RUN.fullmatch(event["run_id"])


def test_the_option_wins_over_the_configuration(home: Any) -> None:
    """And a configuration that cannot be read is told in the default form."""
    home.configure('log_format = "json"\n')
    line = home.run("--log-format", "logfmt", "calendars", "-q", expect=0).stderr
    assert line == ""
    home.token.unlink()
    assert home.run("--log-format", "human", "export", expect=77).stderr.startswith("calendar-sync")
    assert home.run("--log-format", "logfmt", "export", expect=77).stderr.startswith("time=")
    home.configure("log_format = 1\n")
    assert home.run("export", expect=78).stderr.startswith("calendar-sync: ")
    assert home.run("--log-format", "xml", "export", expect=2).stderr.startswith("Usage:")


def test_a_terminal_gets_lines_for_a_person(home: Any) -> None:
    """And with -v the time of that person's clock."""
    import pty

    controller, terminal = pty.openpty()
    with subprocess.Popen(home.command("export", "-v"), stderr=terminal, stdout=subprocess.DEVNULL):
        os.close(terminal)
        drawn = b""
        while not drawn.endswith(b"requests.\r\n"):
            drawn += os.read(controller, 65536)
    os.close(controller)
    first = drawn.decode().splitlines()[0]
    assert re.match(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} INFO run begins command=export", first
    )


@given(ANY, st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), ANY))
def test_any_text_fits_into_one_line_and_back(message: str, facts: dict[str, str]) -> None:
    """Also line breaks, quotes, what a terminal may obey, and what is no text at all."""
    entry = record("%s", message, fields=facts)
    line = line_format("logfmt").format(entry)
    assert line.isprintable()
    read = read_logfmt(line)
    for key, value in {"message": message, **facts}.items():
        assert read[key] == value.encode("utf-8", "backslashreplace").decode()
    document = line_format("json").format(entry)
    assert "\n" not in document
    assert json.loads(document)


def test_of_a_foreign_exception_only_its_kind_is_told() -> None:
    """Its text may hold what a server sent."""
    what = "hunter" + "2"
    try:
        raise ValueError(f"<html>{what}</html>")
    except ValueError as error:
        entry = record("job failed", exc_info=(ValueError, error, error.__traceback__))
    for form in logs.FORMATS:
        line = line_format(form).format(entry)
        assert what not in line
        assert "\n" not in line
        assert "ValueError" in line


# -- the journal -----------------------------------------------------------------------------------


def _with_journal(home: Any, path: Path, *arguments: str, **environment: str) -> list[str]:
    """Run with stderr led into a file that `JOURNAL_STREAM` takes for the journal's."""
    with path.open("wb") as stream:
        about = os.fstat(stream.fileno())
        environment = {"JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}", **environment}
        subprocess.run(
            home.command(*arguments),
            stderr=stream,
            stdout=subprocess.DEVNULL,
            env=home.environment(**environment),
            check=False,
        )
    return path.read_text().splitlines()


def test_the_journal_gets_priorities(home: Any, tmp_path: Path) -> None:
    """<6> for what went well, <3> for what did not, on every line of it."""
    lines = _with_journal(home, tmp_path / "stderr", "-v", "export")
    assert len(lines) >= 12
    assert all(line.startswith("<6>") for line in lines)
    home.token.unlink()
    lines = _with_journal(home, tmp_path / "stderr", "export")
    assert [line[:3] for line in lines] == ["<3>", "<3>"]
    assert "calendar-sync consent" in lines[1]


def test_a_stream_led_elsewhere_is_not_the_journal(home: Any, tmp_path: Path) -> None:
    """The variable is inherited by programs whose stderr is a file or a pipe."""
    lines = _with_journal(home, tmp_path / "stderr", "export", JOURNAL_STREAM="8:12345")
    assert lines[-1] == "5 updated; 6 requests."


# -- the file --------------------------------------------------------------------------------------


def test_the_file_has_what_a_quiet_run_does_not_say(home: Any, tmp_path: Path) -> None:
    """And the reason of a failure, with the exit code. Its mode is the umask's: no secrets in it."""
    path = tmp_path / "sync.log"
    arguments = ("--quiet", "--log-file", str(path), "export")
    assert home.run(*arguments, umask=0o027).stderr == ""
    assert path.stat().st_mode & 0o777 == 0o640
    home.token.unlink()
    home.run(*arguments, expect=77)
    events = [read_logfmt(line) for line in path.read_text().splitlines()]
    assert len({e["run_id"] for e in events}) == 2
    assert [e["exit_code"] for e in events if e["message"] == "run done"] == ["0", "77"]
    assert "calendar-sync consent" in events[-1]["message"]


def test_the_file_survives_its_rotation(tmp_path: Path) -> None:
    """logrotate moves it away and tells nobody; the next line opens a new one."""
    path = tmp_path / "sync.log"
    set_up_logging(0, quiet=True, file=path)
    log.info("before")
    path.rename(tmp_path / "sync.log.1")
    log.info("after")
    assert "before" in (tmp_path / "sync.log.1").read_text()
    assert read_logfmt(path.read_text().strip())["message"] == "after"


def test_no_log_is_written_over_a_grant(home: Any) -> None:
    before = home.token.read_bytes()
    said = home.run("--log-file", str(home.token), "export", expect=2).stderr
    assert "holds secrets only" in said
    assert home.token.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_73_and_names_it(home: Any, tmp_path: Path) -> None:
    """Before anything is done."""
    said = home.run("--log-file", str(tmp_path / "no" / "sync.log"), "export", expect=73).stderr
    assert f"Cannot write {tmp_path / 'no' / 'sync.log'}" in said
    assert not home.exports.exists()


def test_a_full_disk_under_the_log_ends_nothing(home: Any) -> None:
    """It is the job that matters."""
    done = home.run("--log-file", "/dev/full", "export")
    assert done.stderr.splitlines()[-1] == "5 updated; 6 requests."
    assert "Traceback" not in done.stderr


# -- secrets ---------------------------------------------------------------------------------------

SECRETS = [
    "ya29.a0AfH6SMBx-invented_token.of-a-test",
    "1//0gInvented-refresh_token",
    "GOCSPX-invented-secret-00",
    "4/0AX4XfWhInventedCodeOfATest",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "around",
    ["{}", "Bearer {}", "GET /?code={}&scope=x", '{{"refresh_token": "{}"}}', "token {}, again"],
)
def test_what_a_library_lets_slip_is_blanked_out(
    secret: str, around: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr and in the file, in every form, from any logger."""
    for form in logs.FORMATS:
        path = tmp_path / form
        set_up_logging(2, form=form, file=path)
        logging.getLogger("urllib3.connectionpool").warning("retry: %s", around.format(secret))
        log.info("fact", extra=fields(fact=around.format(secret)))
        Terminal(quiet=False, verbosity=0, as_json=False).say(around.format(secret))
        written = path.read_text()
        assert written.count("***") == 3
        assert secret not in written
    assert secret not in capsys.readouterr().err.replace(around.format(secret) + "\n", "")


def test_what_is_no_secret_stays() -> None:
    """Names of files, exit codes and words about secrets are for reading."""
    for text in (
        "exit_code=75 requests=6",
        "Neither credentials/client_secrets.json nor token.json exists",
        "code: 75, message: try later",
        "https://calendar.google.com/calendar/u/0/r/week/2026/11/27",
    ):
        assert redacted(text) == text


def test_library_chatter_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """At DEBUG some libraries print tokens; they stay at WARNING even at -vv."""
    set_up_logging(2)
    logging.getLogger("urllib3").debug("a token")
    logging.getLogger("google.auth").info("a token")
    log.debug("ours")
    assert [read_logfmt(line)["message"] for line in capsys.readouterr().err.splitlines()] == [
        "ours"
    ]


def test_every_account_of_a_home_has_a_run_of_its_own(
    new_home: Callable[..., Any], tmp_path: Path
) -> None:
    """The id changes with the account."""
    home = new_home()
    home.configure('[[account]]\nname = "ada"\n[[account]]\nname = "grace"\n')
    for name in ("ada", "grace"):
        home.google.write_token(home / "credentials" / name / "token.json")
    path = tmp_path / "sync.log"
    home.run("--log-file", str(path), "export", "--quiet")
    events = [read_logfmt(line) for line in path.read_text().splitlines()]
    done = [e["run_id"] for e in events if e["message"] == "run done"]
    assert len(set(done)) == 2

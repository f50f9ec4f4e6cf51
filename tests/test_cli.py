"""What every command has in common: options, streams, exit codes, and what a bug looks like."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from calendar_sync import __version__
from calendar_sync.app import App
from calendar_sync.cli import COMMANDS, cli, command, run
from calendar_sync.commands import local
from calendar_sync.durations import Unreadable
from calendar_sync.errors import ExitCode, TryLater
from calendar_sync.schedule import parse_schedule
from calendar_sync.terminal import Terminal

Done = subprocess.CompletedProcess[str]
PROGRAM = [sys.executable, "-m", "calendar_sync"]


def call(*arguments: str, **options: Any) -> Done:
    """Run the program without any home around it."""
    options = {"stdin": subprocess.DEVNULL, "timeout": 60, "text": True, **options}
    if "stdout" not in options:
        options["capture_output"] = True
    command = options.pop("program", PROGRAM)
    return subprocess.run([*command, *arguments], **options)


@pytest.fixture
def exported(new_home: Callable[..., Any]) -> Any:
    """A home with one good run behind it."""
    home = new_home()
    home.run("export")
    return home


# -- help and usage --------------------------------------------------------------------------------


def test_help_lists_exactly_the_verbs_that_exist() -> None:
    """No verb is promised that is not there, and each one listed starts."""
    section = call("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    listed = re.findall(r"^  (\S+) ", section, re.M)
    assert listed == list(COMMANDS)
    context = click.Context(cli)
    assert all(cli.get_command(context, name) is not None for name in listed)


@pytest.mark.parametrize("verb", [*COMMANDS])
def test_a_verb_is_described_the_same_way_everywhere(verb: str) -> None:
    """The overview and the verb's own help begin with the same sentence."""
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None
    first = (found.help or "").split("\n\n")[0].replace("\n", " ").strip()
    overview = COMMANDS[verb][1]
    assert first.rstrip(".").split(":")[0].split(";")[0][:12] == overview[:12]


def test_help_has_the_table_of_exit_codes() -> None:
    """It is the table of `errors.ExitCode`, every line of it."""
    rows = re.findall(r"^ +(\d+)  (.+)$", call("-h").stdout.partition("Exit codes:")[2], re.M)
    assert [(int(number), words) for number, words in rows] == [
        (code.value, code.meaning) for code in ExitCode
    ]


def test_exit_codes_are_those_of_the_contract() -> None:
    """Cron wrappers and systemd know these numbers."""
    assert [code.value for code in ExitCode] == [0, 1, 2, 65, 70, 73, 75, 77, 78, 130, 143]


@pytest.mark.parametrize("verb", [[], *([name] for name in COMMANDS), ["schedule", "show"]])
def test_every_verb_explains_itself(verb: list[str]) -> None:
    """With -h and --help, without a home, and every option in words."""
    short, long = call(*verb, "-h"), call(*verb, "--help")
    assert (short.returncode, short.stderr, short.stdout) == (0, "", long.stdout)
    assert long.stdout.startswith("Usage: calendar-sync")
    bare = re.findall(r"^  (-[^ ]+(?:, --[\w-]+)?(?: [A-Z,]+)?)\s*$", long.stdout, re.M)
    assert bare == [], "an option without a word of help"


@pytest.mark.parametrize(
    "arguments",
    [["frobnicate"], ["export", "--frobnicate"], ["--frobnicate"], ["export", "extra"], []],
    ids=str,
)
def test_wrong_usage_is_2_and_data_stays_empty(arguments: list[str]) -> None:
    """What is wrong is told on stderr."""
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: calendar-sync" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_verb_is_guessed() -> None:
    """As git does."""
    assert "No such command 'expotr'. Did you mean 'export'?" in call("expotr").stderr
    assert "Did you mean" not in call("frobnicate").stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["export", "--from", "yesterdayish"], "yesterdayish"),
        (["export", "--format", "xml"], "xml"),
        (["export", "--jobs", "0"], "0"),
        (["export", "--deadline", "soon"], "soon"),
        (["export", "--deadline", "0s"], "no time"),
        (["daemon", "--jitter", "99999y"], "more than a day"),
        (["backfill", "--from", "2024-01-01"], "--to"),
        (["backfill", "--from", "2024-01-01", "--to", "2024-02-30"], "2024-02-30"),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_named(arguments: list[str], word: str, tmp_path: Path) -> None:
    """2, before anything is read or made."""
    done = call("--home", str(tmp_path / "home"), *arguments)
    assert done.returncode == 2
    assert word in done.stderr
    assert done.stderr.startswith(f"Usage: calendar-sync {arguments[0]} [OPTIONS]")
    assert not (tmp_path / "home").exists()


def test_version() -> None:
    """Name and version, nothing else."""
    assert call("--version").stdout == f"calendar-sync, version {__version__}\n"


def test_the_console_script_is_the_module() -> None:
    """`calendar-sync` and `python -m calendar_sync` say the same, with the same name."""
    script = Path(sys.executable).with_name("calendar-sync")
    if not script.exists():
        pytest.skip("the package is not installed beside this Python")
    for arguments in (["--help"], ["export", "--bogus"], ["status"]):
        one = call(*arguments, program=[str(script)], env={"HOME": "/nonexistent"})
        other = call(*arguments, env={"HOME": "/nonexistent"})
        assert (one.returncode, one.stdout, one.stderr) == (
            other.returncode,
            other.stdout,
            other.stderr,
        )


# -- global options --------------------------------------------------------------------------------


def test_global_options_work_before_and_after_the_verb(exported: Any) -> None:
    """--home and --json, on either side, and mixed."""
    home = ["--home", str(exported.folder)]
    answers = {
        call(*arguments, cwd="/").stdout
        for arguments in (
            [*home, "--json", "status"],
            ["status", *home, "--json"],
            ["--json", "status", *home],
            [*home, "status", "--json"],
        )
    }
    assert len(answers) == 1
    assert json.loads(answers.pop())["health"] == "fresh"


def test_the_home_before_the_verb_reaches_the_emulator_too(tmp_path: Path) -> None:
    """It has a --home of its own, from before it was one of ours."""
    emulator = cli.get_command(click.Context(cli), "emulator")
    assert emulator is local.emulator
    before = click.Context(cli, obj=App())
    before.obj.options["home"] = tmp_path
    inner = emulator.make_context("emulator", ["--port", "0"], parent=before)
    assert inner.params["home"] == tmp_path
    inner = emulator.make_context("emulator", ["--home", "/elsewhere"], parent=before)
    assert inner.params["home"] == Path("/elsewhere")


def test_config_names_another_file(exported: Any, tmp_path: Path) -> None:
    """And a mistake in it is told with the file's name."""
    config = tmp_path / "other.toml"
    config.write_text('schedule = "@daily"\n')
    status = exported.run("--config", str(config), "status", "--json", expect=None)
    assert json.loads(status.stdout)["next_due"]
    config.write_text("shedule = 1\n")
    assert f"{config}, line 1" in exported.run("status", "--config", str(config), expect=78).stderr


@pytest.mark.parametrize(
    "verb", [["status"], ["doctor"], ["calendars"], ["schedule", "show"], ["export"]], ids=" ".join
)
def test_json_is_one_document_with_a_version(exported: Any, verb: list[str]) -> None:
    """On stdout, and nothing else there."""
    done = exported.run(*verb, "--json")
    assert json.loads(done.stdout)["version"] == 1
    assert done.stdout.endswith("}\n")
    assert done.stderr == ""


def test_data_goes_to_stdout_and_talk_to_stderr(exported: Any) -> None:
    """So that a pipe gets lines a program can read."""
    calendars = exported.run("calendars")
    assert calendars.stderr == ""
    rows = [line.split("\t") for line in calendars.stdout.splitlines()]
    assert {len(row) for row in rows} == {5}
    assert "ada@example.com" in {row[0] for row in rows}
    export = exported.run("export")
    assert (export.stdout, "unchanged" in export.stderr) == ("", True)
    show = exported.run("schedule", "show")
    assert len(show.stdout.splitlines()) == 1
    assert "crontab -e" in show.stderr


def test_quiet_is_silent_on_success(home: Any) -> None:
    """Cron sends mail for every word."""
    for verb in (["export"], ["export"], ["status"]):
        done = home.run(*verb, "--quiet")
        assert (done.stdout, done.stderr) == ("", ""), verb
    done = home.run("doctor", "--quiet")
    findings = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in findings} == {"warn"}  # of a home that nothing starts
    assert done.stderr == ""


def test_quiet_still_says_what_went_wrong(home: Any) -> None:
    """And only that."""
    home.token.unlink()
    for verb in (["export"], ["doctor"], ["status"]):
        done = home.run(*verb, "--quiet", expect=None)
        assert done.returncode != 0
        assert "grant" in done.stdout + done.stderr
        assert "pass " not in done.stdout


def test_verbose_logs_a_line_for_each_calendar(home: Any) -> None:
    """key=value, with the time, without titles of events."""
    lines = home.run("export", "-v").stderr.splitlines()
    logged = [line for line in lines if "calendar=" in line]
    assert len(logged) >= 5
    assert all(re.match(r"time=\d{4}-\d\d-\d\dT\S+Z level=info run_id=", line) for line in logged)


# -- terminals, languages, pipes -------------------------------------------------------------------


def _in_a_terminal(home: Any, *arguments: str, **environment: str) -> str:
    """Run a command in a pseudo-terminal and return what it draws."""
    import pty

    controller, terminal = pty.openpty()
    environment = home.environment(
        **{"TERM": "xterm-256color", "COLUMNS": "100"} | environment,
    )
    environment.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
    with subprocess.Popen(
        home.command(*arguments), stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ) as process:
        os.close(terminal)
        drawn = b""
        while True:
            try:
                piece = os.read(controller, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not piece:
                break
            drawn += piece
    os.close(controller)
    assert process.returncode == 0, drawn
    return drawn.decode()


def test_a_terminal_gets_a_table_with_heads(exported: Any) -> None:
    """Bold ones; a pipe gets neither heads nor colour."""
    drawn = _in_a_terminal(exported, "calendars")
    assert "\x1b[1m" in drawn
    assert "exported" in drawn.splitlines()[0]
    assert "\x1b" not in exported.run("calendars").stdout


def test_a_narrow_terminal_cuts_no_id_short(exported: Any) -> None:
    """It goes on in the next line; who wants it for calendar-sync.toml needs all of it."""
    assert "…" not in _in_a_terminal(exported, "calendars", COLUMNS="60")


def test_no_color_is_obeyed(exported: Any) -> None:
    """Bold may stay; colour must not."""
    drawn = _in_a_terminal(exported, "calendars", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", drawn)


@pytest.mark.parametrize(
    "language", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}]
)
def test_names_a_terminal_cannot_show_are_escaped(home: Any, language: dict[str, str]) -> None:
    """Cron has no language; a calendar called 東京 must not end the job."""
    home.google.control(
        "add_calendar", account="ada@example.com", calendar="t@x.example", summary="東京 📅"
    )
    home.run("export", environment=language)
    for verb in ("calendars", "status"):
        assert ("\\u6771" in home.run(verb, environment=language).stdout) == (
            "PYTHONIOENCODING" in language
        )
    assert "\\u6771" in _in_a_terminal(home, "calendars", PYTHONIOENCODING="ascii")


def test_a_name_cannot_take_over_the_terminal(home: Any) -> None:
    """Escape sequences and line breaks in a calendar's name are not printed as such."""
    home.google.control(
        "add_calendar", account="ada@example.com", calendar="e@x.example", summary="\x1b[31mred\nx"
    )
    home.run("export", "--quiet")
    for verb in ("calendars", "status"):
        done = home.run(verb)
        assert "\x1b" not in done.stdout
        assert "[31mred x" in done.stdout


@pytest.mark.parametrize("verb", ["--help", "status", "calendars", "doctor"])
def test_a_reader_that_leaves_is_no_error(exported: Any, verb: str) -> None:
    """`calendar-sync status | head -0`: no traceback, no message."""
    reader, writer = os.pipe()
    os.close(reader)
    options = {"stdout": writer, "stderr": subprocess.PIPE, "text": True, "timeout": 60}
    environment = exported.environment()
    done = subprocess.run(exported.command(verb), env=environment, **options)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_streams_are_no_error(exported: Any) -> None:
    """Some who start programs close their streams."""
    line = 'exec "$@" >&- 2>&- <&-'
    command = ["sh", "-c", line, "sh", *exported.command("status")]
    assert subprocess.run(command, env=exported.environment(), timeout=60).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_the_streams(exported: Any) -> None:
    """Data that cannot be printed is 73; talk that cannot be logged must not end the job."""
    with Path("/dev/full").open("w") as full:
        options: dict[str, Any] = {"env": exported.environment(), "timeout": 60}
        talk = subprocess.run(exported.command("export"), stderr=full, **options)
        assert talk.returncode == 0
        for what in ("status", "--help"):
            data = subprocess.run(
                exported.command(what), stdout=full, stderr=subprocess.PIPE, **options, text=True
            )
            assert data.returncode == 73
            assert data.stderr.startswith(
                "calendar-sync: Cannot write standard output: the disk is"
            )


def test_a_current_folder_that_is_gone_is_no_error(exported: Any, tmp_path: Path) -> None:
    """A home given in full does not need one."""
    gone = tmp_path / "gone"
    command = ["sh", "-c", f'mkdir "{gone}" && cd "{gone}" && rmdir "{gone}" && exec "$@"', "sh"]
    done = subprocess.run([*command, *exported.command("status")], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for verb in (["export", "--output", "x"], ["verify", "--output", "x"], ["migrate", "x"]):
        done = subprocess.run([*command, *exported.command(*verb)], capture_output=True, timeout=60)
        assert done.returncode == 2 and b"The current folder is gone" in done.stderr, verb


@pytest.mark.parametrize(("options", "shown"), [([], False), (["-W", "default"], True)])
def test_what_packages_say_to_programmers_is_no_mail_to_users(
    options: list[str], shown: bool
) -> None:
    """Google's warn at every start once this Python is old; who asks with -W is told."""
    program = """if True:
        import sys, warnings
        from calendar_sync.cli import main
        try: main(["--version"])
        except SystemExit: warnings.warn("too old", FutureWarning)"""
    command = [sys.executable, *options, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ("too old" in done.stderr) is shown


# -- bugs ------------------------------------------------------------------------------------------

SECRET = "ya29.text-of-a-foreign-error"


@pytest.fixture
def broken() -> Iterator[Callable[[BaseException], None]]:
    """Make `status` raise something, inside this process."""
    group = cli
    original = group.get_command

    def install(error: BaseException) -> None:
        def fail(_app: App) -> None:
            try:
                raise ValueError(SECRET)
            except ValueError as cause:
                raise error from cause

        failing = command("status")(fail)
        group.get_command = lambda *_: failing  # type: ignore[method-assign]

    yield install
    group.get_command = original  # type: ignore[method-assign]


def test_a_bug_is_70_and_one_message(broken: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it is one, and how to report it; no traceback."""
    broken(RuntimeError(SECRET))
    assert run(App(), ["status"]) == ExitCode.BUG
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"calendar-sync: This is a bug in calendar-sync {__version__} (RuntimeError).",
        "Please report it with what the same command says with -vv.",
    ]


def test_a_bug_at_vv_says_where_but_no_foreign_text(
    broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text of a foreign error may hold what a server sent: tokens, titles."""
    broken(RuntimeError(SECRET))
    assert run(App(), ["status", "-vv"]) == ExitCode.BUG
    said = capsys.readouterr().err
    assert "builtins.RuntimeError" in said
    assert "builtins.ValueError" in said
    assert "in fail" in said
    assert SECRET not in said


def test_our_own_errors_have_no_traceback_but_at_vv(
    broken: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Message, hint, exit code."""
    broken(TryLater("Google sleeps.", "Wait."))
    assert run(App(), ["status", "-v"]) == ExitCode.TRY_LATER
    assert capsys.readouterr().err == "calendar-sync: Google sleeps.\nWait.\n"
    assert run(App(), ["-vv", "status"]) == ExitCode.TRY_LATER
    said = capsys.readouterr().err
    assert "errors.TryLater" in said
    assert SECRET not in said


def test_ctrl_c_is_130(broken: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback, wherever it came."""
    broken(KeyboardInterrupt())
    assert run(App(), ["status"]) == ExitCode.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_talk_goes_nowhere_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings and errors are not talk."""
    terminal = Terminal(quiet=True, verbosity=0, as_json=False)
    terminal.say("talk")
    terminal.warn("careful")
    terminal.error("failed")
    assert capsys.readouterr().err == "warning: careful\nfailed\n"


# -- the home --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["status", "doctor", "schedule show", "calendars"])
def test_looking_makes_no_home(tmp_path: Path, verb: str) -> None:
    """A home that does not exist is not created by asking about it."""
    call("--home", str(tmp_path / "home"), *verb.split())
    assert not (tmp_path / "home").exists()


def test_missing_files_are_named_with_the_rule_that_won(tmp_path: Path) -> None:
    """Which folder, why that one, and what to do."""
    here = tmp_path / "here"
    here.mkdir()
    environment = {"HOME": str(tmp_path), "CALENDAR_SYNC_HOME": str(here)}
    done = call("export", env=environment, cwd="/")
    assert done.returncode == 78
    assert str(here / "credentials" / "client_secrets.json") in done.stderr
    assert "from $CALENDAR_SYNC_HOME" in done.stderr
    assert "calendar-sync consent" in done.stderr


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv"
)
@pytest.mark.parametrize("verb", ["status", "doctor --offline", "schedule show", "export"])
def test_another_user_is_told_what_cannot_be_read(tmp_path: Path, verb: str) -> None:
    """Started in, and for, a folder of somebody else, as after `sudo -u`: never a bug."""
    home = tmp_path / "home"
    (home / "credentials").mkdir(parents=True, mode=0o700)
    (home / "credentials" / "client_secrets.json").write_text("{}")
    for path in (home / "credentials", home):
        os.chown(path, 65534, 65534)
        path.chmod(0o700)
    # A root that may read what is root's only: this Python may be closed to all other users.
    no_rights = "--bounding-set=-dac_override,-dac_read_search"
    line = 'cd "$1" && shift && exec setpriv "$@"'
    program = ["sh", "-c", line, "sh", str(home), no_rights, *PROGRAM]
    here = call(*verb.split(), program=program, env={"HOME": "/nonexistent"})
    there = call(*verb.split(), "--home", str(home), program=program, env={"HOME": "/nonexistent"})
    for done in (here, there):
        assert done.returncode in (0, 1, 73, 78), done.stderr
    if verb.startswith("doctor"):
        assert "Ask as the user that the job runs as" in there.stdout


# -- schedule show ---------------------------------------------------------------------------------


def _shown(home: Path, config: str = "", **options: Any) -> Done:
    if config:
        home.mkdir(parents=True)
        (home / "calendar-sync.toml").write_text(config)
    done = call("schedule", "show", "--home", str(home), **options)
    assert done.returncode == 0, done.stderr
    return done


def test_the_crontab_line_is_absolute_and_quiet(tmp_path: Path) -> None:
    """Program, home and log in full; five fields; nothing that cron would mail each time."""
    line = _shown(tmp_path / "home", 'schedule = "7 3 * * 1-5"').stdout
    home = tmp_path / "home"
    program = Path(sys.executable).with_name("calendar-sync")
    words = str(program) if program.exists() else f"{sys.executable} -m calendar_sync"
    job = f"{words} export --home {home} --quiet --log-format logfmt"
    assert line == f"7 3 * * 1-5 {job} 2>>{home}/cron.log\n"


def test_what_goes_wrong_at_night_is_in_the_log_with_its_time(tmp_path: Path) -> None:
    """The shown line, run as cron runs it; calendar-sync.toml may ask for another form of log."""
    home = tmp_path / "home"
    command = _shown(home, 'schedule = "@daily"').stdout.partition(" ")[2]
    assert subprocess.run(["sh", "-c", command], env={}, cwd="/").returncode == 78
    (line,) = (home / "cron.log").read_text().splitlines()
    assert re.match(r"time=20\d\d-\d\d-\d\dT[\d:.]+Z level=error run_id=", line)
    assert "client_secrets.json" in line
    (home / "calendar-sync.toml").write_text('log_format = "json"')
    shown = call("schedule", "show", "--home", str(home)).stdout
    assert " --quiet 2>>" in shown


def test_cron_gets_quoted_spaces_and_escaped_percent_signs(tmp_path: Path) -> None:
    """An unescaped % ends cron's command; a shell given the line must see the real folder."""
    home = tmp_path / "50% my calendars"
    line = _shown(home, 'schedule = "@daily"').stdout.strip()
    when, _, command = line.partition(" ")
    assert when == "@daily"
    assert "50\\% my" in command
    assert not re.search(r"(?<!\\)%", command)
    as_cron_runs_it = command.replace("\\%", "%").replace(" export ", " schedule show ", 1)
    done = subprocess.run(["sh", "-c", as_cron_runs_it], capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == line
    assert (home / "cron.log").read_text() == ""  # --quiet


def test_a_zone_of_its_own_makes_cron_ask(tmp_path: Path) -> None:
    """Debian's cron knows the machine's zone only; so --if-due decides."""
    done = _shown(tmp_path / "home", 'schedule = "30 2 * * *"\ntimezone = "Asia/Taipei"')
    assert done.stdout.startswith("*/5 * * * * ")
    assert " --quiet --log-format logfmt --if-due 2>>" in done.stdout
    assert "Asia/Taipei" in done.stderr


@pytest.mark.parametrize("schedule", ["0 9 * * mon#1", "0 0 L * *", "0 0 * * 5L", "5/15 * * * *"])
def test_what_cron_does_not_know_is_left_to_us(tmp_path: Path, schedule: str) -> None:
    """`#` and `L` are cronsim's; crontab would refuse the line, or worse, take it."""
    done = _shown(tmp_path / "home", f'schedule = "{schedule}"')
    assert done.stdout.startswith("*/5 * * * * ")
    assert "--if-due" in done.stdout


@pytest.mark.parametrize(
    "schedule", ["0 9 * jul mon", "0 0 1 * *", "@hourly", "0  9 * * *", "0-10/3 * * * *"]
)
def test_what_cron_knows_is_left_to_cron(tmp_path: Path, schedule: str) -> None:
    """Names of days and months, too."""
    line = _shown(tmp_path / "home", f'schedule = "{schedule}"').stdout
    assert line.startswith(" ".join(schedule.split()) + " /")


def test_schedule_show_as_json(tmp_path: Path) -> None:
    """The same line, and when it is next due, with its offset."""
    home = tmp_path / "home"
    config = 'schedule = "30 2 * * *"\ntimezone = "Asia/Taipei"'
    text = _shown(home, config).stdout.strip()
    shown = json.loads(call("schedule", "show", "--json", "--home", str(home)).stdout)
    assert shown["crontab"] == text
    assert shown["next_due"].endswith("T02:30:00+08:00")


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * *", "0 * * * * *", "@reboot"])
def test_what_is_no_cron_expression_is_refused(expression: str) -> None:
    """Six fields, too: the seconds of cronsim are nothing that cron knows."""
    with pytest.raises(Unreadable, match="is no cron expression"):
        parse_schedule(expression)


# -- what is said before anything is loaded --------------------------------------------------------


def test_the_help_that_is_kept_is_the_one_that_click_makes() -> None:
    """Where this fails, write what it prints into calendar_sync/help.txt."""
    import calendar_sync

    made = subprocess.run(
        [sys.executable, "-c", "from calendar_sync.cli import main; main(['--help'])"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "80"},
    ).stdout
    kept = Path(calendar_sync.__file__).with_name("help.txt").read_text(encoding="ascii")
    assert kept == made, made


_SAID = """
import sys
from calendar_sync.__main__ import main
main([sys.argv[1]])
sys.exit("click" in sys.modules)
"""


def _said(argument: str, columns: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _SAID, argument],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": columns},
    ).stdout


@pytest.mark.parametrize("argument", ["--help", "-h", "--version"])
def test_help_and_version_are_said_without_click(argument: str) -> None:
    """They start as quickly as Python itself."""
    assert "calendar-sync" in _said(argument, columns="100")


def test_a_narrow_terminal_has_its_help_wrapped_by_click() -> None:
    """What is kept is for 80 columns."""
    wide, narrow = (_said("--help", columns) for columns in ("100", "52"))
    assert narrow != wide
    assert narrow.split()[:2] == wide.split()[:2]

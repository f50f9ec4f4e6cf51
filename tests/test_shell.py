"""Completion as real shells do it, and the manual page as man's readers judge it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from calendar_sync.app import App
from calendar_sync.cli import COMMANDS, run
from calendar_sync.errors import ExitCode


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(App(), list(arguments)) == 0
    return capsys.readouterr().out


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A search path with `calendar-sync` on it."""
    program = tmp_path / "bin" / "calendar-sync"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m calendar_sync "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_a_real_bash_completes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, path: str
) -> None:
    """Verbs, a verb's options, options that stand anywhere, and the values of a choice."""
    script = tmp_path / "completion"
    script.write_text(printed(capsys, "completion", "bash"))
    lines = ["", "ex", "export --al", "export --jobs 2 --log", "--log-format ", "schedule ins"]
    tries = "".join(
        f"COMP_WORDS=(calendar-sync {line}{chr(39) * 2 if line[-1:] in ('', ' ') else ''});"
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=();"
        "_calendar_sync_completion calendar-sync; echo ${COMPREPLY[@]};\n"
        for line in lines
    )
    done = subprocess.run(
        ["bash", "-ec", f"source {script}; complete -p calendar-sync >&2; {tries}"],
        capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert "_calendar_sync_completion calendar-sync" in done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        [*COMMANDS],
        ["export"],
        ["--allow-shrink"],
        ["--log-format", "--log-file"],
        ["human", "logfmt", "json"],
        ["install"],
    ]


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_a_real_fish_completes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, path: str
) -> None:
    """The same, with what each means beside it."""
    script = tmp_path / ".config/fish/completions/calendar-sync.fish"  # as the README says
    script.parent.mkdir(parents=True)
    script.write_text(printed(capsys, "completion", "fish"))
    lines = ["", "ex", "export --al", "export --jobs 2 --log", "--log-format ", "schedule ins"]
    tries = "".join(f"complete -C 'calendar-sync {line}'; echo ===;" for line in lines)
    done = subprocess.run(
        ["fish", "-c", tries],
        capture_output=True, text=True, timeout=60, check=True,
        env={"PATH": path, "HOME": str(tmp_path)},
    )  # fmt: skip
    answers = [answer.splitlines() for answer in done.stdout.split("===\n")[:-1]]
    assert [{line.split("\t")[0] for line in answer} for answer in answers] == [
        {*COMMANDS},
        {"export"},
        {"--allow-shrink"},
        {"--log-format", "--log-file"},
        {"human", "logfmt", "json"},
        {"install"},
    ]
    assert f"export\t{COMMANDS['export'][1]}" in answers[0]


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_a_real_zsh_completes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, path: str
) -> None:
    """Typed at a terminal, with a press of Tab; then the line is printed as it stands."""
    script = tmp_path / "_calendar-sync"  # in a folder of $fpath, as the README says
    script.write_text(printed(capsys, "completion", "zsh"))
    lines = {
        "ex": "export",
        "export --al": "export --allow-shrink",
        "export --log-fo": "export --log-format",
        "--log-format hu": "--log-format human",
        "schedule ins": "schedule install",
    }
    terminal = Terminal(["zsh", "-f", "-i"], PATH=path, HOME=str(tmp_path), TERM="dumb")
    terminal.type(f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u\r")
    for line, completed in lines.items():
        to_the_start, to_the_end = "\x01", "\x05"
        terminal.type(f"calendar-sync {line}\t")
        terminal.type(f"{to_the_start}print -r -- 'now: {to_the_end}'\r")
        terminal.wait_for(f"now: calendar-sync {completed} ?\r?\n")
    terminal.type("exit\r")
    assert terminal.end() == 0


class Terminal:
    """A program at a terminal, and what is typed there."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self.process, self.master = os.forkpty()
        if self.process == 0:
            os.execvpe(command[0], command, {**os.environ, **environment})
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Read until it comes; what came before it is forgotten."""
        while not (found := re.search(pattern, self.seen)):
            assert select.select([self.master], [], [], 60)[0], self.seen
            self.seen += os.read(self.master, 4096).decode("utf-8", "replace")
        self.seen = self.seen[found.end() :]

    def end(self) -> int:
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more
            while os.read(self.master, 4096):
                pass
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def test_the_manual_page_has_every_command_option_and_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is made of the same words as --help."""
    page = printed(capsys, "man").replace("\\-", "-")
    sections = re.findall(r'^\.SS "calendar-sync (\S+)', page, re.M)
    assert list(dict.fromkeys(sections)) == list(COMMANDS)
    assert '.SS "calendar-sync schedule install' in page
    for option in ("--allow-shrink", "--restart", "--log-file FILE", "--timeout"):
        assert f"\\fB{option}" in page or f"{option}" in page
    assert page.count("\\fB--log-file FILE\\fR") == 1, "global options are told once"
    codes = page.partition(".SH EXIT STATUS")[2].partition(".SH")[0]
    assert re.findall(r"\\fB(\d+)\\fR", codes) == [str(code.value) for code in ExitCode]


@pytest.mark.parametrize(
    "judge",
    [["mandoc", "-Tlint", "-Wwarning"], ["groff", "-man", "-ww", "-Tutf8", "-z"]],
    ids=lambda judge: judge[0],
)
def test_the_manual_page_is_good_roff(
    capsys: pytest.CaptureFixture[str], judge: list[str], tmp_path: Path
) -> None:
    """No warning of any reader."""
    if not shutil.which(judge[0]):
        pytest.skip(f"no {judge[0]}")
    page = tmp_path / "calendar-sync.1"
    page.write_text(printed(capsys, "man"))
    done = subprocess.run([*judge, str(page)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""Completion as real shells do it, and the manual page as man's readers judge it."""

from __future__ import annotations

import os
import re
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


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_theirs(
    capsys: pytest.CaptureFixture[str], shell: str, tmp_path: Path
) -> None:
    """By their own grammar, where they are installed."""
    text = printed(capsys, "completion", shell)
    assert f"_CALENDAR_SYNC_COMPLETE={shell}_complete" in text
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    script = tmp_path / "completion"
    script.write_text(text)
    subprocess.run([shell, "-n", str(script)], check=True, timeout=30)


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

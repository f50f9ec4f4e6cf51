"""The README says what the program does: its commands, tables and examples are run or compared."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from calendar_sync.cli import COMMANDS, cli
from calendar_sync.config import Config, Export, parse_config
from calendar_sync.errors import ExitCode
from calendar_sync.grants import refusals

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def table_after(heading: str) -> list[list[str]]:
    """Return the rows of the first table whose header line is `heading`."""
    lines = README.split(f"{heading}\n", 1)[1].splitlines()[1:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def normal(text: str) -> list[str]:
    """Blank out what differs from run to run: times, ids, byte counts and the folder."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"calendar-sync-demo-\w+", "FOLDER", text)
    text = re.sub(r"/\S*/FOLDER", "FOLDER", text)
    text = re.sub(r"\(\w{26}\)", "(ID)", text)
    text = re.sub(r" +\d+ rows +\d+ bytes", " ROWS", text)
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """README's first screen is the demo's real output."""
    done = subprocess.run(
        [sys.executable, "-m", "calendar_sync", "demo"],
        capture_output=True, text=True, cwd=tmp_path, timeout=120, check=True,
    )  # fmt: skip
    assert normal(done.stdout) == normal(blocks("text")[0])


def test_the_commands_table_is_the_programs() -> None:
    """Every verb of --help is in the README, in the same order, and no other."""
    assert [row[0].strip("`") for row in table_after("| command | does |")] == list(COMMANDS)


def test_the_exit_code_table_is_the_programs() -> None:
    """Code and meaning of each exit code are those of the program."""
    rows = table_after("| code | meaning | what to do |")
    assert [(int(row[0]), row[1].replace("`", "")) for row in rows] == [
        (code.value, code.meaning) for code in ExitCode
    ]


@pytest.mark.parametrize("example", blocks("toml"))
def test_every_configuration_example_is_valid(example: str) -> None:
    """What the README tells people to write is accepted."""
    assert parse_config(example, "README.md").export


def test_the_configuration_tables_name_every_key() -> None:
    """No key is undocumented, and none is documented that does not exist."""
    top = {row[0].strip("`[]") for row in table_after("| key | default | meaning |")}
    assert top == set(Config.__struct_fields__)
    keys = {row[0].strip("`") for row in table_after("| key of `[[export]]` | default | meaning |")}
    assert keys == set(Export.__struct_fields__)


def test_every_file_the_readme_links_to_exists() -> None:
    """No dead links."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_runs_exactly_the_readmes_test_command() -> None:
    """`.ci/run` takes the command from the README instead of repeating it."""
    command = next(block for block in blocks("sh") if "pytest" in block).strip()
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]'")
    assert "grep -m 1 -F \"pip install -q -e '.[test]'\" README.md" in script


# -- from each message to its cure

SPEAKERS = [
    "answers.py", "google_calendar.py", "reading.py", "retrying.py", "mirror.py", "lock.py", "stop.py",
    "config.py", "errors.py", "home.py", "grants/*.py", "legacy/*.py", "google_directory.py",
]  # fmt: skip
RAISED = {
    "CalendarSyncError", "CannotWrite", "ConsentNeeded", "DamagedInput", "SomeFailed", "TooFewScopes",
    "TryLater", "WrongConfiguration",
}  # fmt: skip


def messages() -> list[str]:
    """The literal part of every message that a person may have to cure, from the syntax trees."""
    found = [message for message, _ in refusals._CONFIGURATION.values()]
    found.append(refusals.REAUTHENTICATION[0])
    for pattern in SPEAKERS:
        for path in (ROOT / "calendar_sync").glob(pattern):
            for node in ast.walk(ast.parse(path.read_bytes())):
                name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
                if name in RAISED and node.args:
                    found.append(literal(node.args[0]))
    return [message for message in found if message]


def literal(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    texts = [part.value if isinstance(part, ast.Constant) else "…" for part in parts]
    text = "".join(map(str, texts))
    return text if re.search(r"[a-z]{3}", text) else ""  # else it is made elsewhere


def test_every_message_is_in_the_table_of_cures() -> None:
    """A tired person finds the words, in quotation marks, and their cure beside them."""
    rows = table_after("| code | the message has | cure |")
    phrases = [phrase for row in rows for phrase in re.findall(r'"([^"]+)"', row[1])]
    said = messages()
    assert len(said) > 60
    assert [text for text in said if not any(phrase in text for phrase in phrases)] == []


def test_every_command_in_the_table_of_cures_exists() -> None:
    """With its options, and with nothing after it that the verb does not take."""
    rows = table_after("| code | the message has | cure |")
    commands = {c for row in rows for c in re.findall(r"`calendar-sync ([^`]+)`", row[2])}
    assert {"consent", "doctor"} <= commands
    for line in commands:
        verb, *arguments = line.split()
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None, line
        command.make_context(verb, arguments)

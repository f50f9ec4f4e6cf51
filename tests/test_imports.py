"""Which way imports point, over the syntax trees of all modules, and what a command loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import calendar_sync

PACKAGE = Path(calendar_sync.__file__).parent

# Top-level names of the package; whatever is in none of these is the pure core.
COMMANDS = {"app", "cli", "verbs", "__main__", "commands"}
STARTERS = {
    "daemon", "demo", "backfill", "run", "session", "doctor", "health", "unattended",
    "surroundings", "checks",
    "report_page", "schedules", "verify", "publishing", "organisation", "engines",
}  # fmt: skip
EDGES = {
    "home", "config", "config_checks", "config_errors", "users", "grants", "google_directory", "legacy",
    "google_calendar", "transport",
    "mirror", "mirror_file", "history", "calendars", "logs",
    "reading", "intake", "retrying", "answers", "export", "exporters", "publish", "terminal", "stop",
    "telling", "beside", "rendering", "gathering", "unpublished",
    "verification", "formats", "merging", "per_uid", "schema", "listing", "touched", "changes",
    "deleted", "views", "published", "options", "lock", "reporting", "patching", "quota",
    "progress", "service_manager", "zone_rules", "remote", "outbox", "mirror_account",
}  # fmt: skip
FLOOR = {
    "files",
    "errors",
    "allocator",
    "blocks",
    "calendar_sync",
    "locking",
    "deferring",
    "decoding",
    "hashing",
    "sorting",
}
EMULATOR = {"emulator"}
LAYERS = [FLOOR, None, EDGES, STARTERS, COMMANDS]  # None: the core


class Import(NamedTuple):
    """One import statement: `of` is the module it names, in full."""

    by: str
    of: str
    deferred: bool  # inside a function: loaded only when that runs
    typing_only: bool


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _trees() -> dict[str, ast.Module]:
    return {_name(path): ast.parse(path.read_bytes()) for path in PACKAGE.rglob("*.py")}


def _imports_of(module: str) -> Iterator[Import]:
    stack: list[tuple[ast.AST, bool, bool]] = [(_trees()[module], False, False)]
    while stack:
        node, deferred, typing_only = stack.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, deferred, typing_only)
        elif isinstance(node, ast.ImportFrom):
            source = _source(module, node)
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                of = inner if inner in _trees() else source
                yield Import(module, of, deferred, typing_only)
        inside = deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        checked = typing_only or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        stack += [(child, inside, checked) for child in ast.iter_child_nodes(node)]


def _source(module: str, node: ast.ImportFrom) -> str:
    """Return the full name of the module after `from`, also of a relative one."""
    if not node.level:
        return str(node.module)
    is_package = (PACKAGE.parent / module.replace(".", "/")).is_dir()
    above = module.split(".")[: len(module.split(".")) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


@cache
def _imports() -> list[Import]:
    return [found for module in _trees() for found in _imports_of(module)]


def _ours(imports: list[Import]) -> list[Import]:
    return [found for found in imports if found.of.split(".")[0] == "calendar_sync"]


def _place(module: str) -> str:
    """Return the top-level name inside the package: `calendar_sync.ics.text` is in `ics`."""
    return module.split(".")[1] if "." in module else module


def _layer(module: str) -> int:
    return next((i for i, names in enumerate(LAYERS) if names and _place(module) in names), 1)


def _core() -> list[str]:
    return [m for m in _trees() if _layer(m) == 1 and _place(m) not in EMULATOR]


def _users(package: str) -> set[str]:
    """Modules of ours (the emulator apart) that import a foreign package."""
    return {
        found.by.removeprefix("calendar_sync.")
        for found in _imports()
        if (found.of + ".").startswith(package + ".") and _place(found.by) not in EMULATOR
    }


def test_imports_point_down() -> None:
    """commands -> starters -> edges -> core -> floor, and never up."""
    up = [
        f"{found.by} -> {found.of}"
        for found in _ours(_imports())
        if _place(found.of) not in EMULATOR
        and _place(found.by) not in EMULATOR
        and _layer(found.of) > _layer(found.by)
    ]
    assert up == []


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    """Any module can be read, and tested, after those it stands on."""
    graph: dict[str, set[str]] = {module: set() for module in _trees()}
    for found in _ours(_imports()):
        if not found.typing_only and found.of != found.by:
            graph[found.by].add(found.of)
    assert list(TopologicalSorter(graph).static_order())


def test_every_name_of_a_layer_exists() -> None:
    """A renamed module must not fall out of its rules silently."""
    places = {_place(module) for module in _trees()}
    assert places >= COMMANDS | STARTERS | EDGES | FLOOR | EMULATOR


def test_the_emulator_shares_nothing_with_the_product() -> None:
    """It imports nothing of ours; only the demo, its command and tests import it."""
    ours = _ours(_imports())
    assert [f for f in ours if _place(f.by) in EMULATOR and _place(f.of) not in EMULATOR] == []
    users = {f.by for f in ours if _place(f.of) in EMULATOR and _place(f.by) not in EMULATOR}
    assert users == {"calendar_sync.demo", "calendar_sync.commands.local"}


@pytest.mark.parametrize(
    ("package", "users"),
    [
        ("googleapiclient", {"google_calendar", "google_directory"}),
        ("google_auth_httplib2", {"google_calendar"}),
        ("httplib2", {"transport"}),
        ("google_auth_oauthlib", {"grants.consent"}),
        ("oauthlib", {"grants.consent"}),
        ("apscheduler", {"daemon"}),
        (
            "sqlite3",
            {
                "mirror",
                "mirror_file",
                "schema",
                "calendars",
                "changes",
                "history",
                "mirror_account",
                "doctor",
                "formats.sqlite_file",
                "verification.tables",
            },
        ),
        ("pyarrow", {"formats.parquet_file", "verification.tables"}),
        ("webbrowser", {"commands.grant"}),
        ("rich", {"terminal", "progress"}),
        ("fsspec", {"remote"}),
        ("icalendar", {"verification.ics_reader"}),
        ("distributed", {"engines.dask_cluster"}),
        ("pickle", set()),
        ("pickletools", {"legacy.pickles"}),
    ],
)
def test_each_outside_thing_has_one_module(package: str, users: set[str]) -> None:
    """A foreign package is met in its edge module only."""
    assert _users(package) <= users
    assert not users or _users(package) or package == "icalendar"


def test_google_auth_is_met_where_grants_and_google_are() -> None:
    """Credentials, consent and the API client carry google-auth's types; nobody else sees them."""
    allowed = {"credentials", "token_server", "consent", "service_account"}
    allowed = {"google_calendar", *(f"grants.{name}" for name in allowed)}
    assert _users("google.auth") | _users("google.oauth2") <= allowed


@pytest.mark.parametrize("forbidden", ["os", "socket", "sqlite3", "time", "subprocess", "random"])
def test_the_core_touches_no_disk_network_or_clock(forbidden: str) -> None:
    """What decides about events can be run twice with the same result."""
    assert [f for f in _imports() if f.by in _core() and f.of.split(".")[0] == forbidden] == []


def test_the_core_writes_no_files_of_its_own() -> None:
    """It is handed open files; where they are is the edges' business."""
    assert [f for f in _imports() if f.by in _core() and f.of == "calendar_sync.files"] == []


def test_the_core_never_asks_what_time_it_is() -> None:
    """`now` is an argument."""
    asked = [
        f"{module}:{node.lineno}"
        for module in _core()
        for node in ast.walk(_trees()[module])
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow")
        if isinstance(node.value, ast.Attribute | ast.Name)
        and (node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id)
        in ("datetime", "date")
    ]
    assert asked == []


@pytest.mark.parametrize("start", ["run", "session", "daemon", "backfill", "google_calendar"])
def test_an_unattended_run_cannot_open_a_browser(start: str) -> None:
    """By shape: nothing that cron's path can reach imports the consent, at whatever depth."""
    reached: set[str] = set()
    waiting = [f"calendar_sync.{start}", "calendar_sync.commands.job"]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in _trees():
            continue
        reached.add(module)
        waiting += [found.of for found in _imports_of(module) if not found.typing_only]
    assert len(reached) > 10
    conversation = {"calendar_sync.grants.consent", "calendar_sync.grants.receiver"}
    assert reached & conversation == set()
    assert [f for f in _imports() if f.by in reached and f.of == "webbrowser"] == []


# -- what a command loads --------------------------------------------------------------------------

_LOADED = """
import sys
from calendar_sync.__main__ import main
code = 0
try:
    main()
except SystemExit as stop:
    code = stop.code
loaded = [name for name, module in sys.modules.items() if type(module).__name__ != "_Deferred"]
import json
print()
print(json.dumps([code, loaded]))
"""
HEAVY = ("googleapiclient", "google.auth", "requests", "rich", "apscheduler", "icalendar")


def _loaded_by(*arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["status"], ["doctor", "--offline"], ["schedule", "show"]],
    ids=" ".join,
)
def test_looking_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    """They start in a tenth of a second, because Google's packages stay on the disk."""
    _, modules = _loaded_by("--home", str(tmp_path), *arguments)
    assert modules.isdisjoint(HEAVY)
    assert not any(name.startswith("calendar_sync.emulator") for name in modules)


def test_help_loads_no_command(tmp_path: Path) -> None:
    """The list of verbs is known without importing any of them."""
    _, modules = _loaded_by("--help")
    assert not any(name.startswith("calendar_sync.commands") for name in modules)


def test_an_export_with_a_living_token_loads_only_what_it_needs(
    new_home: Callable[..., object],
) -> None:
    """No scheduler, no consent, no refresh transport, no tables."""
    home = new_home()
    code, modules = _loaded_by("--home", str(home.folder), "export")  # type: ignore[attr-defined]
    assert code == 0
    assert "googleapiclient" in modules
    assert modules.isdisjoint({"apscheduler", "google_auth_oauthlib", "requests", "rich"})


def test_a_run_that_finds_nothing_changed_loads_no_writer(
    new_home: Callable[..., object],
) -> None:
    """Most runs: what is published is known to be up to date without making it again."""
    home = str(new_home().folder)  # type: ignore[attr-defined]
    assert "calendar_sync.ics.exporter" in _loaded_by("--home", home, "export")[1]
    _, modules = _loaded_by("--home", home, "export")
    writers = ("calendar_sync.export", "calendar_sync.ics", "calendar_sync.formats")
    assert not any(name.startswith(writers) for name in modules)


def test_a_run_that_finds_nothing_changed_loads_little(new_home: Callable[..., object]) -> None:
    """What Google's client imports for other ways to connect is executed at its first use only."""
    home = str(new_home().folder)  # type: ignore[attr-defined]
    _loaded_by("--home", home, "export")
    _, modules = _loaded_by("--home", home, "export")
    assert "googleapiclient.discovery" in modules
    unused = {"asyncio", "cryptography", "pyparsing", "tenacity", "dateutil", "urllib.request"}
    unused |= {"google.oauth2.credentials", "calendar_sync.telling.told"}
    assert modules & unused == set()


def test_status_loads_no_compression_and_no_network(new_home: Callable[..., object]) -> None:
    """When all is well it reads one row of the mirror and two small files."""
    home = str(new_home().folder)  # type: ignore[attr-defined]
    _loaded_by("--home", home, "export")
    _, modules = _loaded_by("--home", home, "status")
    unused = {"tempfile", "shutil", "secrets", "dateutil", "ssl", "http.client", "subprocess"}
    unused |= {"hashlib", "shlex", "signal"}
    unused |= {"ast", "dis", "inspect", "ipaddress", "tokenize", "traceback", "typing_extensions"}
    ours = ("changes", "config_errors", "shard", "stop", "sync", "times")
    assert modules & (unused | {f"calendar_sync.{name}" for name in ours}) == set()

"""Types that threads decode are ready before the first one does: msgspec crashes otherwise."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import calendar_sync

PACKAGE = Path(calendar_sync.__file__).parent
BY_A_LOCK_OR_ALONE = {"Config", "EventTime"}

# Many threads meet a new type at once. Without the decorator this dies of a segmentation fault.
RACE = """
import sys, threading, types, msgspec
from calendar_sync.decoding import decoded
sys.setswitchinterval(1e-6)
SOURCE = '''
from __future__ import annotations
class Inner(msgspec.Struct, rename="camel"):
    {inner}
@decoded
class Page(msgspec.Struct, rename="camel"):
    items: list[Inner] = []
    {page}
'''.format(
    inner="; ".join(f"f{n}: str | None = None" for n in range(20)),
    page="; ".join(f"g{n}: Inner | None = None" for n in range(10)),
)
for number in range(100):
    module = types.ModuleType(f"module{number}")
    module.__dict__.update(msgspec=msgspec, decoded=decoded)
    sys.modules[module.__name__] = module
    exec(SOURCE, module.__dict__)
    together = threading.Barrier(8)
    def read():
        together.wait()
        msgspec.json.decode(b'{"items": [{"f1": "a"}], "g1": {}}', type=module.Page)
    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_that_meet_a_type_at_once_survive_it() -> None:
    subprocess.run([sys.executable, "-c", RACE], check=True, timeout=120)


def test_every_type_that_is_decoded_is_made_ready() -> None:
    """By the decorator, or by a decoder of its module."""
    trees = {path: ast.parse(path.read_bytes()) for path in PACKAGE.rglob("*.py")}
    structs = {node.name: node for tree in trees.values() for node in _structs(tree)}
    used = {name for tree in trees.values() for name in _decoded_in(tree)} & {*structs}
    assert {"EventsPage", "Report", "CalendarView", "_Top"} <= used
    ready = {name for tree in trees.values() for name in _decoders(tree)}
    ready |= {
        name
        for name, node in structs.items()
        if any(isinstance(each, ast.Name) and each.id == "decoded" for each in node.decorator_list)
    }
    assert used - ready <= BY_A_LOCK_OR_ALONE


def _structs(tree: ast.Module) -> Iterator[ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and "Struct" in "".join(map(ast.dump, node.bases)):
            yield node


def _decoded_in(tree: ast.Module) -> Iterator[str]:
    """Yield what a call names as the type it wants: `decode(…, type=T)`, `convert(…, T)`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        wanted = [word.value for word in node.keywords if word.arg == "type"]
        if called.endswith(("convert", "check_page")):
            wanted += node.args[1:2]
        yield from (name.id for type_ in wanted for name in _names(type_))


def _decoders(tree: ast.Module) -> Iterator[str]:
    """Yield what module-level decoders are for."""
    for statement in tree.body:
        for node in ast.walk(statement) if isinstance(statement, ast.Assign) else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Decoder"):
                yield from (name.id for type_ in node.args for name in _names(type_))


def _names(tree: ast.AST) -> Iterator[ast.Name]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name))

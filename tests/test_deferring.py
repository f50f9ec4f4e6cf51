"""Modules that are executed at their first use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from calendar_sync.deferring import absent, deferred

COUNTED = """
import sys
from unhurried_base import begun
begun.append(__name__)
finished = True
"""


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give a list that grows when the module `unhurried` is executed."""
    (tmp_path / "unhurried_base.py").write_text("begun = []\n")
    (tmp_path / "unhurried.py").write_text(COUNTED)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("unhurried_base").begun
    for name in ("unhurried", "unhurried_base"):
        sys.modules.pop(name, None)


def _deferred() -> ModuleType:
    with deferred("unhurried"):
        return importlib.import_module("unhurried")


def test_a_deferred_module_is_executed_when_something_of_it_is_used(begun: list[str]) -> None:
    """Importing it, once more too, does not execute it; what it lacks is said as usual."""
    module = _deferred()
    assert importlib.import_module("unhurried") is module
    assert begun == []
    assert module.finished
    with pytest.raises(AttributeError, match="'unhurried' has no attribute 'nothing'"):
        _ = module.nothing
    assert begun == ["unhurried"]
    assert type(module) is ModuleType


def test_a_module_is_executed_once_whoever_uses_it(begun: list[str], tmp_path: Path) -> None:
    """A second thread waits until the first one has executed it."""
    (tmp_path / "unhurried_base.py").write_text(
        "from threading import Event\nbegun, is_begun, is_asked_for = [], Event(), Event()\n"
    )
    base = importlib.reload(sys.modules["unhurried_base"])
    waits = "\nimport unhurried_base as base\nbase.is_begun.set()\nbase.is_asked_for.wait(9)\n"
    (tmp_path / "unhurried.py").write_text(COUNTED.replace("\nfinished", f"{waits}finished"))
    module = _deferred()

    def use_while_it_is_executed() -> bool:
        base.is_begun.wait(9)
        base.is_asked_for.set()
        return bool(module.finished)

    with ThreadPoolExecutor(1) as executor:
        second = executor.submit(use_while_it_is_executed)
        assert module.finished
        assert second.result()
    assert base.begun == ["unhurried"]
    assert begun == []


def test_a_module_that_failed_is_executed_anew(begun: list[str], tmp_path: Path) -> None:
    """As an import that failed can be tried again; and it may look for itself meanwhile."""
    looks = "\nimport unhurried\nassert not hasattr(unhurried, 'finished')\n1 / len(begun[1:])\n"
    (tmp_path / "unhurried.py").write_text(COUNTED.replace("\nfinished", f"{looks}\nfinished"))
    module = _deferred()
    with pytest.raises(ZeroDivisionError):
        _ = module.finished
    assert module.finished
    assert begun == ["unhurried"] * 2


def test_an_absent_module_can_be_imported_afterwards(begun: list[str]) -> None:
    """Who tries and has another way takes that one; others find it later."""
    with absent("unhurried"), pytest.raises(ImportError):
        importlib.import_module("unhurried")
    module = importlib.import_module("unhurried")
    with absent("unhurried"):
        assert importlib.import_module("unhurried") is module
    assert begun == ["unhurried"]

"""Import a package without what it imports for others: that is executed at its first use."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Have these modules, where they are imported inside, be executed when they are first used.

    The standard library's own way (LazyLoader) executes a module when it is imported once more, and
    before Python 3.12 in two threads (https://github.com/python/cpython/issues/114763).
    """
    finder = _Finder(frozenset(names))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def absent(name: str) -> Iterator[None]:
    """Have what is imported inside do without a module that it can do without."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # the language's way to say so
    try:
        yield
    finally:
        del sys.modules[name]


class _Finder:
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._names:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Deferred(ModuleType):
    """Is asked for what is not there, which everything is until the module is executed."""

    def __getattr__(self, name: str) -> Any:
        assert isinstance(self.__loader__, _Loader)
        if not self.__loader__.execute(self):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self, name)


class _Loader(LazyLoader):
    """Executes a module once, whichever thread asks; what it executes may ask, too."""

    def __init__(self, loader: Loader) -> None:
        super().__init__(loader)
        self._loader, self._lock = loader, RLock()
        self._is_executing = self._is_executed = False

    def exec_module(self, module: ModuleType) -> None:
        """Leave it for later."""
        module.__class__ = _Deferred

    def execute(self, module: ModuleType) -> bool:
        """Execute it, unless that is under way in this very thread; return whether it is done."""
        with self._lock:
            if self._is_executing:
                return False
            if not self._is_executed:
                self._is_executing = True
                try:
                    self._loader.exec_module(module)
                    self._is_executed = True
                    module.__class__ = ModuleType
                finally:
                    self._is_executing = False
        return True

"""A home on a local Google, and the real program in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from home_folder import HomeFolder
from hypothesis import settings

from calendar_sync.emulator.local_google import LocalGoogle

# Properties are looked at with few examples each time; HYPOTHESIS_PROFILE=long takes its time.
settings.register_profile("quick", max_examples=40, deadline=None)
settings.register_profile("long", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Say how one of the tests' processes died: xdist only says that it did."""
    if error:
        with suppress(Exception):  # the process is no public thing of xdist's
            print(f"\n{node.gateway.id} ended with {node.gateway._io.popen.wait(10)}")


@pytest.fixture
def google() -> Iterator[LocalGoogle]:
    """A started local Google with the sample calendars; it must not crash in any test."""
    with LocalGoogle() as started:
        yield started
        assert started.crashes == []


@pytest.fixture
def new_home(tmp_path: Path, google: LocalGoogle) -> Callable[..., HomeFolder]:
    """Make homes on the local Google: with a client, and with a grant unless told otherwise."""

    def make(name: str = "home", *, granted: bool = True, of: LocalGoogle = google) -> HomeFolder:
        home = HomeFolder(tmp_path / name, of)
        of.write_client_secrets(home.client_secrets)
        if granted:
            of.write_token(home.token)
        return home

    return make


@pytest.fixture
def home(new_home: Callable[..., HomeFolder]) -> HomeFolder:
    """A home with a client and a living grant."""
    return new_home()

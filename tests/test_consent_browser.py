"""A real browser opens the printed address, and a person clicks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from grant_steps import consenting, stored

from calendar_sync.emulator.local_google import LocalGoogle

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.needs_browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt install chromium)"),
]


@dataclass
class Watched:
    """A page, and what it asked for and complained about."""

    page: Any
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def watched() -> Iterator[Watched]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        seen = Watched(browser.new_page(viewport={"width": 900, "height": 600}))
        seen.page.on("request", lambda request: seen.hosts.add(str(urlsplit(request.url).hostname)))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("requestfailed", lambda request: seen.complaints.append(request.url))
        yield seen
        browser.close()


@pytest.fixture
def home(new_home: Callable[..., Any]) -> Any:
    """A home with a client and no grant yet."""
    return new_home(granted=False)


def test_a_person_clicks_allow(home: Any, watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with consenting(home) as asked:
        page.goto(asked.url)
        page.get_by_role("button", name="Allow").click()
        page.get_by_role("heading", name="Granted", exact=True).wait_for()
        assert page.title() == "Granted · calendar-sync"
        page.screenshot(path=tmp_path / "granted.png")
        asked.end(0)
    assert watched.complaints == []
    assert watched.hosts == {"127.0.0.1"}, "no foreign request"
    assert stored(home.token)["account"] == "ada@example.com"
    home.run("export")
    assert (home.exports / "manifest.json").exists()


def test_a_person_clicks_deny(home: Any, watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    with consenting(home) as asked:
        page.goto(asked.url)
        page.get_by_role("button", name="Deny").click()
        page.get_by_role("heading", name="Not granted").wait_for()
        page.screenshot(path=tmp_path / "not-granted.png")
        asked.end(77)
    assert watched.complaints == []
    assert watched.hosts == {"127.0.0.1"}
    assert not home.token.exists()


def test_a_person_grants_too_little(home: Any, google: LocalGoogle, watched: Watched) -> None:
    google.control("oauth", narrow_scopes=["openid"])
    page = watched.page
    with consenting(home) as asked:
        page.goto(asked.url)
        page.get_by_role("button", name="Allow").click()
        page.get_by_role("heading", name="Not enough was granted").wait_for()
        assert page.locator("code").inner_text() == "calendar-sync consent"
        asked.end(77)
    assert watched.complaints == []
    assert not home.token.exists()


def test_going_back_and_clicking_again_does_no_harm(home: Any, watched: Watched) -> None:
    """The first answer counted; the second finds nobody, and the grant lives."""
    page = watched.page
    with consenting(home) as asked:
        page.goto(asked.url)
        page.get_by_role("button", name="Allow").click()
        page.get_by_role("heading", name="Granted", exact=True).wait_for()
        asked.end(0)
    page.goto(asked.url)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Allow").click(no_wait_after=True)
    home.run("calendars")


def test_in_the_dark_and_on_a_phone_it_can_be_read(
    home: Any, watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 640})
    with consenting(home) as asked:
        page.goto(asked.url)
        page.get_by_role("button", name="Allow").click()
        page.get_by_role("heading", name="Granted", exact=True).wait_for()
        page.screenshot(path=tmp_path / "dark.png")
        asked.end(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sign, text = (page.locator(part).bounding_box() for part in (".sign", "h1"))
    assert 0 < sign["x"] == text["x"] and sign["y"] + sign["height"] < text["y"]
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back in ("rgb(18, 18, 18)", "rgb(0, 0, 0)"), back

"""`report`: one page that says how things are, to anybody's browser, with anybody's titles."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from export_steps import TEAM, add_calendar, add_singles, place

from calendar_sync.config import Config, Export
from calendar_sync.home import Home
from calendar_sync.report_page.facts import Facts, collect
from calendar_sync.report_page.heat_map import bounds, draw_year
from calendar_sync.report_page.page import render_page
from calendar_sync.report_page.words import escape

if TYPE_CHECKING:
    from conftest import HomeFolder

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = '"><script>document.title=1</script><img src=x onerror=alert(1)>\u202e&amp;'
NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


class _Page(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def add_event(google: Any, calendar: str, title: str) -> None:
    times = {"start": {"date": "2026-05-01"}, "end": {"date": "2026-05-02"}}
    google.control("add_events", calendar=calendar, events=[{"summary": title, **times}])


def _written(home: Any, *arguments: str) -> str:
    return Path(home.run("report", *arguments).stdout.strip()).read_text(encoding="utf-8")


def _facts(home: Any, now: dt.datetime = NOW, **config: Any) -> Facts:
    folder = home.folder
    return collect(Home(folder, "test", folder / "calendar-sync.toml"), Config(**config), now)


def test_a_home_that_never_ran_has_a_page_too(home: Any) -> None:
    """It says so, and makes no state."""
    assert "Not one good run yet" in _written(home)
    assert not (home / "state").exists()


def test_health_comes_first_in_words(home: Any) -> None:
    """Well, then failing with the reason."""
    home.run("export")
    page = _Page(_written(home))
    assert page.tags["h1"] == 1
    assert "All is well" in page.words
    home.token.unlink()
    home.run("export", expect=77)
    words = _Page(_written(home)).words
    assert "Failing" in words
    assert "There is no grant yet" in words


def test_calendars_runs_and_warnings_are_all_there(home: Any) -> None:
    """Every calendar with its count, the last change, the failure and its reason."""
    home.run("export")
    add_singles(home.google, TEAM, 2)
    home.run("export")
    home.google.faults.add("reset", on=place(TEAM), count=None)
    home.run("export", expect=1)
    words = _Page(_written(home)).words
    manifest = json.loads((home.exports / "manifest.json").read_text())
    assert len(manifest["calendars"]) > 3
    for calendar in manifest["calendars"]:
        assert calendar["summary"] in words
    assert "Team & Friends +2" in words
    assert "exit code 1: failed: Team & Friends" in words
    assert "connection" in words


def test_titles_are_hostile(home: Any) -> None:
    """No element, attribute or direction mark of theirs is on the page."""
    calendar = add_calendar(home.google, HOSTILE, id="hostile@group.calendar.google.com")
    add_singles(home.google, calendar, 1)
    home.run("export")
    text = _written(home)
    page = _Page(text)
    assert page.tags["script"] == page.tags["img"] == 0
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "\u202e" not in text
    assert HOSTILE.replace("\u202e", "") in page.words


def test_recent_changes_are_listed_with_hostile_titles(home: Any) -> None:
    """The newest first, what is not exported left out, and what is a week old forgotten."""
    home.run("export")
    for title in ("An older one", HOSTILE):
        add_event(home.google, TEAM, title)
        home.run("export")
    text = _written(home)
    words = _Page(text).words.partition("Recent changes")[2].partition("events, by the day")[0]
    assert f"added {HOSTILE} Team & Friends".replace("\u202e", "") in words
    assert words.index("onerror") < words.index("An older one")
    assert "<script" not in text
    assert "\u202e" not in text
    now = dt.datetime.now(dt.UTC)
    assert [change.kind for change in _facts(home, now).changes][:2] == ["added", "added"]
    assert _facts(home, now, export=(Export(calendars=("Archive*",)),)).changes == []
    assert _facts(home, now + dt.timedelta(days=8)).changes == []


def test_escape_takes_any_text() -> None:
    """Half surrogates, control characters, and what never ends."""
    assert escape("a\x00\u202eb\n<\ud800").encode("utf-8", "replace") == b"ab &lt;"
    assert len(escape("x" * 5000)) < 400


def test_the_page_asks_nobody_for_anything(home: Any) -> None:
    """No script, form, frame or address; a policy that allows its own style and nothing else."""
    home.run("export")
    text = _written(home)
    page = _Page(text)
    assert set(page.tags) & {"script", "form", "iframe", "object", "img", "a"} == set()
    assert "http://" not in text and "https://" not in text
    policy = dict(page.attributes)["content"] and re.search(r'content="(default-src[^"]+)"', text)
    assert policy and "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert "style" not in [name for name, _ in page.attributes], "an inline style is not allowed"


def test_the_same_facts_make_the_same_bytes(home: Any) -> None:
    """Of one state and one moment there is one page."""
    home.run("export")
    assert render_page(_facts(home)) == render_page(_facts(home))


def test_every_day_of_the_year_has_its_occurrences(home: Any) -> None:
    """They are the rows of the CSV files, by start date."""
    home.configure(
        'timezone = "Europe/Berlin"\n[[export]]\nformats = ["csv"]\ncolumns = ["start_date"]'
    )
    home.run("export")
    expected: Counter[str] = Counter()
    for path in home.exports.glob("*.csv"):
        expected.update(d for d in path.read_text().split()[1:] if d.startswith("2026-"))
    found = {day.isoformat(): n for day, n in _facts(home).days.items()}
    total = sum(found.values())
    assert total > 20
    assert abs(total - sum(expected.values())) <= 2, "zones may move one over midnight"
    same = sum(found.get(day) == number for day, number in expected.items())
    assert same >= len(expected) - 4


def test_the_heat_map_is_read_aloud_and_pointed_at() -> None:
    """Each month is an image with its sum, each day has its count as a tooltip."""
    days = Counter({dt.date(2024, 2, 29): 7, dt.date(2024, 2, 1): 1})
    svg = draw_year(days, 2024, dt.date(2024, 2, 29))
    assert svg.count('role="img"') == 12
    assert svg.count("<rect") == 366
    assert 'aria-label="February 2024: 8 events"' in svg
    assert '<g class="l4 today"><title>Thu 29 February: 7 events</title>' in svg
    assert '<g class="l1"><title>Thu 1 February: 1 event</title>' in svg


@pytest.mark.parametrize(("most", "limits"), [(0, [1]), (1, [1]), (2, [1, 2]), (8, [1, 2, 4, 6])])
def test_levels_fit_the_busiest_day(most: int, limits: list[int]) -> None:
    """Few events make few levels."""
    assert bounds(Counter({dt.date(2026, 1, 1): most})) == limits


def test_export_refreshes_the_page_when_told_to(home: Any) -> None:
    """Each run, failed ones too; it is not in the manifest, and a dry run leaves it alone."""
    home.configure('report = "exports/report.html"')
    page = home.exports / "report.html"
    home.run("export", "--dry-run")
    assert not page.exists()
    home.run("export")
    first = page.read_bytes()
    assert b"All is well" in first
    assert b"report.html" not in (home.exports / "manifest.json").read_bytes()
    home.token.unlink()
    home.run("export", expect=77)
    assert b"Failing" in page.read_bytes()


def test_a_page_that_cannot_be_written_fails_no_run(home: Any) -> None:
    """It is a warning there, and 73 for `report` itself."""
    home.configure('report = "taken/report.html"')
    (home / "taken").write_text("a file")
    assert "taken" in home.run("export").stderr
    assert "taken" in home.run("report", expect=73).stderr


def test_output_hangs_on_the_current_folder(home: Any, tmp_path: Path) -> None:
    """As every path on a command line; --json names the file."""
    home.run("export")
    done = home.run("--json", "report", "--output", "page.html", cwd=tmp_path)
    assert json.loads(done.stdout) == {"version": 1, "path": str(tmp_path / "page.html")}
    assert (tmp_path / "page.html").read_bytes().startswith(b"<!DOCTYPE html>")


@pytest.mark.needs_browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="the package chromium is not installed")
def test_in_a_browser(home: Any, tmp_path: Path) -> None:
    """No request leaves the page, no error, no sideways scrolling; any size, light and dark."""
    sync_api = pytest.importorskip("playwright.sync_api")
    calendar = add_calendar(home.google, HOSTILE, id="hostile@group.calendar.google.com")
    add_singles(home.google, calendar, 1)
    home.run("export")
    add_event(home.google, calendar, HOSTILE)
    home.run("export")
    _written(home)
    address = (home.exports / "report.html").as_uri()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for width in (360, 1280):
                _look(browser, address, scheme, width, tmp_path)
        browser.close()


def _look(browser: Any, address: str, scheme: str, width: int, folder: Path) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelectorAll('.year rect').length") in (365, 366)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
    assert light == (scheme == "light"), "the style sheet is in force"
    assert "calendar-sync" in page.title()
    page.screenshot(path=folder / f"{scheme}-{width}.png", full_page=True)
    assert requests == [address]
    assert said == []
    page.close()


def test_no_page_goes_over_a_grant(home: HomeFolder) -> None:
    grant = home.token.read_bytes()
    said = home.run("report", "--output", str(home.token), expect=2).stderr
    assert "secrets only" in said and home.token.read_bytes() == grant

"""calendar-sync.toml: what is wrong is named with its key's path and line; many views, one fetch."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from export_steps import ADA, TEAM, add_calendar, check_manifest, contents, manifest, table

from calendar_sync.config import Config, parse_config, read_config
from calendar_sync.emulator.local_google import LocalGoogle
from calendar_sync.errors import WrongConfiguration

if TYPE_CHECKING:
    from conftest import HomeFolder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('shedule = "@daily"', ["line 1", "Unknown key 'shedule'; did you mean 'schedule'?"]),
        ("zzz = 1", ["line 1", "Unknown key 'zzz' (key zzz)."]),
        ('[tell]\nweb_hook = "x"', ["line 2", "did you mean 'webhook'?", "(key tell.web_hook)"]),
        (
            '[[export]]\nrows = "all"',
            ["line 2", "'all'; it may be 'occurrences' or 'series' (key export[0].rows)"],
        ),
        ('[[export]]\nformats = ["csv", "xlsx"]', ["'xlsx'", "'csv' or 'ics' or 'jsonl'"]),
        ('[tell]\non = ["x"]', ["line 2", "'failure' or 'recovery' or 'warning'"]),
        ("\n\njobs = 'many'", ["line 3", "int", "(key jobs)"]),
        ("jobs = 0", ["line 1", "(key jobs)"]),
        ("deadline = 'soon'", ["line 1", "soon", "30m", "(key deadline)"]),
        ("full_every = '-3d'", ["line 1", "(key full_every)"]),
        ('timezone = "Mars/Olympus"', ["line 1", "Unknown time zone 'Mars/Olympus'"]),
        ('schedule = "61 * * * *"', ["line 1", "no cron expression", "(key schedule)"]),
        ('[[export]]\nname = "a"\nwindow = "7d"', ["line 3", "'7d'", "(key export[0].window)"]),
        ('[[export]]\nwindow = "+7d..-1d"', ["line 2", "ends before it begins"]),
        ('[[export]]\nhorizon = "later"', ["line 2", "(key export[0].horizon)"]),
        ('[[export]]\ncolumns = ["start", "stop"]', ["line 2", "Unknown column 'stop'"]),
        ("[[export]]\ncolumns = []", ["line 2", "No columns"]),
        ('[[export]]\nformats = ["xml"]', ["line 2", "xml", "(key export[0].formats"]),
        ("[[export]]\nformats = []", ["line 2", "No formats", "(key export[0].formats)"]),
        ('[[export]]\nname = "a"\n\n[[export]]\nnmae = "b"', ["line 5", "'nmae'", "export[1]"]),
        ('[[export]]\n\n[[export]]\nname = "b"', ["same output", "(key export[1].output)"]),
        (
            '[[export]]\noutput = "x"\n[[export]]\noutput = "./y/../x"',
            ["line 4", "same output", "(key export[1].output)"],
        ),
        ('[[export]]\noutput = "state"', ["line 2", "hold no exports", "(key export[0].output)"]),
        ('[[export]]\noutput = "exports/../credentials/x"', ["line 2", "hold no exports"]),
        ('[[export]]\nname = "../up"', ["line 2", "no name for a folder", "(key export[0].name)"]),
        ('[[export]]\nname = ""', ["line 2", "no name for a folder"]),
        ('[[export]]\noutput = "a\\u0000b"', ["line 2", "NUL", "(key export[0].output)"]),
        ('token_key = "a\\u0000b"', ["line 1", "NUL", "(key token_key)"]),
        ("deadline = '0s'", ["line 1", "no time", "(key deadline)"]),
        ('report = "credentials/token.json"', ["line 1", "secrets only", "(key report)"]),
        ('[tell]\nmetrics = "credentials/x"', ["line 2", "secrets only", "(key tell.metrics)"]),
        ("schedule =", ["is not TOML"]),
        ("a = " + "[" * 20_000, ["is not TOML"]),
        ("a = " + "1" * 20_000, ["is not TOML"]),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_line(text: str, words: list[str]) -> None:
    with pytest.raises(WrongConfiguration) as caught:
        parse_config(text, "calendar-sync.toml")
    for word in ("calendar-sync.toml", *words):
        assert word in caught.value.message


@pytest.mark.parametrize("written", ["{}/exports", "{}/link", "link", "exports/."])
def test_one_folder_written_in_two_ways_is_one(tmp_path: Path, written: str) -> None:
    (tmp_path / "link").symlink_to("exports")
    text = f'[[export]]\n[[export]]\nname = "b"\noutput = "{written.format(tmp_path)}"'
    with pytest.raises(WrongConfiguration, match="line 4: Two exports have the same output"):
        parse_config(text, str(tmp_path / "calendar-sync.toml"))


def test_a_tilde_is_the_users_own_folder(home: HomeFolder, tmp_path: Path) -> None:
    home.configure('report = "~/page.html"\n[[export]]\noutput = "~/calendars"\n')
    home.run("export", environment={"HOME": str(tmp_path / "ada")})
    assert (tmp_path / "ada/calendars/manifest.json").exists()
    assert (tmp_path / "ada/page.html").exists()
    assert not (home / "~").exists()


def test_farther_than_the_calendar_reaches_is_as_far_as_it_does(home: HomeFolder) -> None:
    home.configure('[[export]]\nwindow = "-99999y..+1d"\n')
    done = home.run("export", "--deadline", "99999y")
    assert "Traceback" not in done.stderr  # of the thread that watches the deadline
    assert len(table((home.exports / "archive-2019.csv").read_bytes())) == 1


def test_without_a_file_the_defaults_count(tmp_path: Path) -> None:
    assert read_config(tmp_path / "calendar-sync.toml") == Config()


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "calendar-sync.toml"
    path.write_bytes(b"\xef\xbb\xbfjobs = 3\n")
    assert read_config(path).jobs == 3


@pytest.mark.parametrize("content", [b"\xff\xfe", b"jobs = 1\njobs = 2\n"])
def test_a_file_that_is_no_toml_is_78(home: HomeFolder, content: bytes) -> None:
    (home / "calendar-sync.toml").write_bytes(content)
    done = home.run("export", expect=78)
    assert "calendar-sync.toml" in done.stderr and "Traceback" not in done.stderr
    assert not home.exports.exists()


def test_a_wrong_configuration_is_78_before_anything_is_touched(
    home: HomeFolder, google: LocalGoogle
) -> None:
    home.configure('timezone = "Asia/Taipei"\n\n[[export]]\nwindov = "-1d..+7d"\n')
    done = home.run("export", expect=78)
    assert "line 4" in done.stderr and "windov" in done.stderr
    assert google.requests.count() == 0
    assert not home.exports.exists() and not (home / "state").exists()


def test_no_export_goes_where_secrets_and_state_are(home: HomeFolder, tmp_path: Path) -> None:
    """By whatever way it is named: from the home, in full, through a link, on the command line."""
    (home / "link").symlink_to(home / "credentials")
    elsewhere = tmp_path / "other.toml"
    for output in (str(home / "state"), "link/x"):
        elsewhere.write_text(f'[[export]]\noutput = "{output}"\n')
        done = home.run("--config", str(elsewhere), "export", expect=78)
        assert "line 2: credentials/ and state/ hold no exports" in done.stderr
    for output in ("credentials", "state/x"):
        home.run("export", "--output", output, cwd=home.folder, expect=2)
    period = ("--from", "2026-01-01", "--to", "2026-02-01")
    done = home.run("backfill", *period, "--output", str(home / "state"), expect=2)
    assert "is no place for exports" in done.stderr
    assert not (home / "state").exists()


# -- several views of one fetch --------------------------------------------------------------------

DAYS = (1, 7, 14, 31, 90)


def test_five_rolling_windows_cost_the_requests_of_one(
    home: HomeFolder, google: LocalGoogle
) -> None:
    """Each shows what overlaps it, in its own folder with its own manifest."""
    now = dt.datetime.now(dt.UTC)
    daily = add_calendar(google, "Daily", time_zone="UTC")
    for number in range(-5, 120):
        day = now.date() + dt.timedelta(days=number)
        times = {
            "start": {"dateTime": f"{day}T12:00:00Z"},
            "end": {"dateTime": f"{day}T13:00:00Z"},
        }
        google.control("add_event", calendar=daily, event={"summary": f"{number}", **times})
    home.configure(
        'timezone = "UTC"\n'
        + "".join(
            f'[[export]]\nname = "{days} days"\nwindow = "0d..+{days}d"\nformats = ["csv", "ics"]\n'
            f'calendars = ["Daily"]\noutput = "exports/next-{days}"\n'
            for days in DAYS
        )
    )
    home.run("export")
    assert google.requests.count() == 2
    for days in DAYS:
        folder = home / f"exports/next-{days}"
        [entry] = check_manifest(folder).values()
        rows = table((folder / "daily.csv").read_bytes())
        shown = [int(row["summary"].lstrip("'")) for row in rows]
        today = (dt.datetime.now(dt.UTC).date() - now.date()).days  # midnight may have passed
        assert shown == list(range(today, today + days))
        assert [file["rows"] for file in entry["files"]] == [days, days]


def test_patterns_choose_and_leave_out(home: HomeFolder, google: LocalGoogle) -> None:
    """A calendar that no export shows is not even read."""
    home.configure(
        '[[export]]\ncalendars = ["*", "!*holiday*", "!Archive*"]\nformats = ["csv"]\n'
        f'[[export]]\nname = "mine"\ncalendars = ["{ADA}"]\noutput = "exports/mine"\n'
        'columns = ["start", "summary"]\nrows = "series"\nformats = ["csv"]\n'
    )
    home.run("export")
    assert manifest(home.exports).keys() == {ADA, TEAM, "grace@example.com"}
    assert google.requests.count() == 1 + 3
    content = contents(home / "exports/mine")["ada-lovelace.csv"]
    assert content.splitlines()[0] == b"start,summary"
    assert len(table(content)) == 14


def test_output_holds_a_folder_for_each_of_several_exports(
    home: HomeFolder, tmp_path: Path
) -> None:
    home.configure(
        f'[[export]]\nname = "one"\ncalendars = ["{ADA}"]\noutput = "exports/one"\n'
        f'[[export]]\nname = "two"\ncalendars = ["{TEAM}"]\noutput = "exports/two"\n'
    )
    home.run("export", "--output", str(tmp_path / "out"))
    assert manifest(tmp_path / "out/one").keys() == {ADA}
    assert manifest(tmp_path / "out/two").keys() == {TEAM}
    home.configure('[[export]]\noutput = "a"\n[[export]]\noutput = "b"\n')
    done = home.run("export", "--output", str(tmp_path / "again"), expect=2)
    assert "name of its own" in done.stderr


def test_a_changed_configuration_makes_the_files_anew(home: HomeFolder) -> None:
    """Nothing has changed at Google, and the next run writes what is asked for now."""
    home.run("export")
    home.configure('[[export]]\nformats = ["csv"]\ncolumns = ["summary"]\n')
    home.run("export")
    assert contents(home.exports)["ada-lovelace.csv"].startswith(b"summary\r\n")
    check_manifest(home.exports)

"""The page itself: health in words first, then what it stands on."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib

from calendar_sync import __version__
from calendar_sync.changes import Change
from calendar_sync.grants.grant import read_instant
from calendar_sync.history import Report
from calendar_sync.report_page.facts import RUNS, CalendarFacts, Facts
from calendar_sync.report_page.heat_map import draw_year
from calendar_sync.report_page.run_chart import draw_runs
from calendar_sync.report_page.style import STYLE
from calendar_sync.report_page.words import (
    ago,
    change_in_words,
    changes_in_words,
    day_in_words,
    distance,
    escape,
    moment_in_words,
    name,
    run_in_words,
)

_HEADLINES = {
    "fresh": "All is well",
    "stale": "Stale: a run is missing",
    "failing": "Failing: the last run did not go well",
    "never": "Not one good run yet",
}
_LISTED_RUNS = 8
_MOST_WARNINGS = 20


def render_page(facts: Facts) -> bytes:
    """Render the page as UTF-8. The same facts give the same bytes."""
    sections = (_header, _calendars, _runs, _changes, _warnings, _year)
    body = "".join(draw(facts) for draw in sections)
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        '<meta name="robots" content="noindex"><link rel="icon" href="data:,">'
        f"<title>{_HEADLINES[facts.status['health']]} · calendar-sync</title>"
        f"<style>{STYLE}</style></head><body><main>{body}"
        f"<footer>As of {facts.now:%Y-%m-%d %H:%M} ({escape(facts.now.tzinfo)})."
        f" The page does not change by itself. calendar-sync {__version__}</footer>"
        "</main></body></html>\n"
    )
    return page.encode("utf-8", "replace")


def _policy() -> str:
    """Allow this one style sheet and nothing else: no script, no request, no form."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _header(facts: Facts) -> str:
    health = facts.status["health"]
    last = facts.runs[0].message if health == "failing" and facts.runs else ""
    why = f'<p class="bad">{escape(last)}</p>' if last else ""
    entries = "".join(
        f"<div><dt>{title}</dt><dd>{words}</dd></div>"
        for title, words in (
            ("Last success", _when(facts.status["last_success"], facts)),
            ("Last run", _last_run(facts)),
            ("Next run", _next_run(facts)),
            ("Grant", _grant(facts)),
        )
    )
    return (
        f'<header class="{health}"><h1>{_HEADLINES[health]}</h1>{why}'
        f'<dl class="facts">{entries}</dl></header>'
    )


def _when(text: str | None, facts: Facts) -> str:
    words = moment_in_words(text, facts.now)
    return f'{words} <span class="soft">{ago(text, facts.now)}</span>'


def _last_run(facts: Facts) -> str:
    if not facts.runs:
        return "never"
    run = facts.runs[0]
    kind = "bad" if run.exit_code else "ok"
    how = "went well" if run.exit_code == 0 else f"exit code {run.exit_code}"
    return (
        f'<span class="{kind}">{how}</span>'
        f' <span class="soft">{moment_in_words(run.finished_at, facts.now)}</span>'
    )


def _next_run(facts: Facts) -> str:
    due = read_instant(facts.status["next_due"])
    if due is None:
        return 'unknown <span class="soft">no schedule in calendar-sync.toml</span>'
    words = moment_in_words(facts.status["next_due"], facts.now)
    return f'{words} <span class="soft">schedule {escape(facts.schedule)}</span>'


def _grant(facts: Facts) -> str:
    if facts.reads_by_key:
        return 'none needed <span class="soft">a service account reads</span>'
    grant = facts.status["grant"]
    if grant["warning"]:
        return f'<span class="warn">{escape(grant["warning"])}</span>'
    age = grant["age_days"]
    words = "age unknown" if age is None else _days_old(age)
    ends = read_instant(grant["expires_at"])
    until = f"ends in {distance(ends - facts.now)}" if ends else "no end known"
    return f'{words} <span class="soft">{until}</span>'


def _days_old(days: int) -> str:
    return "given today" if days == 0 else f"{days} day{'' if days == 1 else 's'} old"


def _calendars(facts: Facts) -> str:
    if not facts.calendars:
        return ""
    rows = "".join(_calendar(calendar, facts.now) for calendar in facts.calendars)
    heads = '<th scope="col">Name</th><th scope="col" class="number">Events</th>'
    title = "Users who failed, or had changes" if facts.of_users else "Calendars"
    return (
        f"<section><h2>{title}</h2><table><thead><tr>"
        f'{heads}<th scope="col">Last change</th></tr></thead><tbody>{rows}</tbody></table></section>'
    )


def _calendar(calendar: CalendarFacts, now: dt.datetime) -> str:
    remark = ""
    if calendar.gone_at:
        date = moment_in_words(calendar.gone_at, now)
        remark = f'<div class="soft warn">gone since {date}; its files stay</div>'
    elif calendar.error:
        remark = f'<div class="soft bad">failed: {escape(calendar.error)}</div>'
    change = "–"
    if calendar.change:
        when, report = calendar.change
        change = f"{change_in_words(report)} <div class='soft when'>{day_in_words(when, now)}</div>"
    return (
        f'<tr><td>{name(calendar.name)}{remark}</td><td class="number">{calendar.events:,}</td>'
        f"<td>{change}</td></tr>"
    )


def _runs(facts: Facts) -> str:
    if not facts.runs:
        return ""
    chart = draw_runs(facts.runs, RUNS, facts.now)
    worth = [run for run in facts.runs if run.exit_code or changes_in_words(run)]
    rows = "".join(_run(run, facts.now) for run in worth[:_LISTED_RUNS])
    key = (
        '<ul class="key"><li class="ok">nothing new</li><li class="changed">changes</li>'
        '<li class="bad">failed</li></ul>'
    )
    return f'<section><h2>Runs</h2>{chart}{key}<ul class="list">{rows}</ul></section>'


def _run(run: Report, now: dt.datetime) -> str:
    return _line(run.finished_at, now, run_in_words(run), "bad" if run.exit_code else "")


def _line(when: str, now: dt.datetime, words: str, kind: str = "") -> str:
    moment = moment_in_words(when, now)
    mark = f' class="{kind}"' if kind else ""
    return f'<li><span class="soft when">{moment}</span><span{mark}>{escape(words)}</span></li>'


def _changes(facts: Facts) -> str:
    if not facts.changes:
        return ""
    rows = "".join(_change(change, facts.now) for change in facts.changes)
    return f'<section><h2>Recent changes</h2><ul class="list">{rows}</ul></section>'


def _change(change: Change, now: dt.datetime) -> str:
    moment = moment_in_words(change.found_at, now)
    if change.kind == "omitted":
        what = f"{escape(change.after.get('changes'))} more changes"
    else:
        what = f"{escape(change.kind)} {name(change.summary or '(untitled)')}"
    return (
        f'<li><span class="soft when">{moment}</span><span>{what}'
        f' <span class="soft">{name(change.calendar)}</span></span></li>'
    )


def _year(facts: Facts) -> str:
    if facts.of_users:
        return ""
    today = facts.now.date()
    total = sum(facts.days.values())
    return (
        f"<section><h2>{today.year}: {total:,} events, by the day they begin</h2>"
        f"{draw_year(facts.days, today.year, today)}</section>"
    )


def _warnings(facts: Facts) -> str:
    """List what the last runs warned of, the newest first, each once; then the events' own."""
    seen: dict[str, str] = {}
    for run in facts.runs:
        for text in run.warnings:
            seen.setdefault(text, run.finished_at)
    listed = list(seen.items())[:_MOST_WARNINGS]
    lines = [_line(when, facts.now, text) for text, when in listed]
    lines += [
        f'<li><span>{name(of)}: {escape(text)} <span class="soft">({number} ×)</span></span></li>'
        for of, text, number in facts.event_warnings[:_MOST_WARNINGS]
    ]
    content = f'<ul class="list">{"".join(lines)}</ul>' if lines else '<p class="soft">None.</p>'
    return f"<section><h2>Warnings</h2>{content}</section>"

"""The last runs as bars: how long each took, and whether it went well."""

from __future__ import annotations

import datetime as dt
import math

from calendar_sync.grants.grant import read_instant
from calendar_sync.history import Report
from calendar_sync.report_page.words import changes_in_words, escape, moment_in_words, run_in_words

_WIDTH, _HEIGHT, _BAR = 10, 64, 7


def seconds(run: Report) -> float:
    """Return how long a run took; 0 when that is unknown."""
    start, end = read_instant(run.started_at), read_instant(run.finished_at)
    return max(0.0, (end - start).total_seconds()) if start and end else 0.0


def draw_runs(runs: list[Report], most: int, now: dt.datetime) -> str:
    """Draw the newest run on the right; heights grow with the logarithm of the duration."""
    longest = max((seconds(run) for run in runs), default=0)
    bars = "".join(
        _draw_bar(run, longest, (most - 1 - age) * _WIDTH, now) for age, run in enumerate(runs)
    )
    bad = sum(1 for run in runs if run.exit_code)
    label = f"The last {len(runs)} runs: {len(runs) - bad} went well, {bad} did not"
    size = f"0 0 {most * _WIDTH} {_HEIGHT + 2}"
    line = f'<line x1="0" x2="{most * _WIDTH}" y1="{_HEIGHT + 1}" y2="{_HEIGHT + 1}"/>'
    return (
        f'<svg class="runs" role="img" aria-label="{label}" viewBox="{size}"'
        f' preserveAspectRatio="none">{line}{bars}</svg>'
    )


def _draw_bar(run: Report, longest: float, x: int, now: dt.datetime) -> str:
    share = math.log1p(seconds(run)) / math.log1p(longest) if longest else 0
    height = round(8 + share * (_HEIGHT - 8), 1)
    kind = "bad" if run.exit_code else "changed" if changes_in_words(run) else "ok"
    words = f"{moment_in_words(run.finished_at, now)}: {run_in_words(run)}, {seconds(run):.0f} s"
    return (
        f'<g class="{kind}"><title>{escape(words)}</title>'
        f'<rect x="{x}" y="{_HEIGHT - height:g}" width="{_BAR}" height="{height:g}" rx="2"/></g>'
    )

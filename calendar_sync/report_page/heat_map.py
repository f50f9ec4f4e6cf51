"""A year as twelve small calendars: the more begins on a day, the stronger its colour."""

from __future__ import annotations

import calendar
import datetime as dt
from collections import Counter

_CELL, _GAP = 20, 3
_STEP = _CELL + _GAP
LEVELS = 4
_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip


def bounds(days: Counter[dt.date]) -> list[int]:
    """Return the smallest count of each level above nothing, so that the busiest day is the top."""
    most = max(days.values(), default=0)
    limits = [1, *(-(-most * level // LEVELS) for level in range(1, LEVELS))]
    return sorted({limit for limit in limits if 1 <= limit <= max(most, 1)})


def draw_year(days: Counter[dt.date], year: int, today: dt.date) -> str:
    """Draw the months, each an SVG of its own, so that a phone can put two beside each other."""
    limits = bounds(days)
    months = [_draw_month(days, limits, year, month, today) for month in range(1, 13)]
    return f'<div class="year">{"".join(months)}</div>{_legend(limits)}'


def _draw_month(
    days: Counter[dt.date], limits: list[int], year: int, month: int, today: dt.date
) -> str:
    cells = []
    for row, week in enumerate(calendar.Calendar().monthdatescalendar(year, month)):
        for column, day in enumerate(week):
            if day.month == month:
                cells.append(_draw_day(day, days[day], limits, column, row, today))
    total = sum(number for day, number in days.items() if day.month == month)
    label = f"{_MONTHS[month - 1]} {year}: {_counted(total)}"
    size = f"0 0 {7 * _STEP - _GAP + 2} {6 * _STEP - _GAP + 2}"
    svg = f'<svg role="img" aria-label="{label}" viewBox="{size}">{"".join(cells)}</svg>'
    return f"<figure><figcaption>{_MONTHS[month - 1]}</figcaption>{svg}</figure>"


def _draw_day(
    day: dt.date, number: int, limits: list[int], column: int, row: int, today: dt.date
) -> str:
    level = sum(number >= limit for limit in limits)
    x, y = column * _STEP + 1, row * _STEP + 1
    mark = " today" if day == today else ""
    title = f"{day:%a} {day.day} {_MONTHS[day.month - 1]}: {_counted(number)}"
    return (
        f'<g class="l{level}{mark}"><title>{title}</title>'
        f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" rx="4"/>'
        f'<text x="{x + _CELL / 2:g}" y="{y + 14}">{day.day}</text></g>'
    )


def _legend(limits: list[int]) -> str:
    ends = [*(limit - 1 for limit in limits[1:]), None]
    words = ["none"]
    for low, high in zip(limits, ends, strict=True):
        words.append(f"{low}+" if high is None else f"{low}" if low == high else f"{low}–{high}")
    items = "".join(f'<li class="l{level}">{word}</li>' for level, word in enumerate(words))
    return f'<ul class="legend" aria-label="Events a day">{items}</ul>'


def _counted(number: int) -> str:
    return "1 event" if number == 1 else f"{number} events"

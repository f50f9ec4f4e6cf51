"""The schedule: one cron expression, with cron's own meaning, for the daemon and for `--if-due`.

cronsim fires as Debian's cron does, over both DST changes; see facts in README, "Schedules".
"""

from __future__ import annotations

import datetime as dt

from cronsim import CronSim, CronSimError

from calendar_sync.durations import Unreadable

NOTHING, MINUTE, HOUR = (dt.timedelta(minutes=number) for number in (0, 1, 60))
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def parse_schedule(expression: str) -> str:
    """Return the five-field expression. Raises Unreadable for what cron would not take."""
    stripped = " ".join(expression.split())
    fields = _NICKNAMES.get(stripped.lower(), stripped)
    if len(fields.split()) == 6:  # cronsim counts seconds then; cron takes the command for a field
        raise Unreadable(f"{expression!r} is no cron expression: it has six fields, not five")
    try:
        CronSim(fields, dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    except CronSimError as error:
        raise Unreadable(f"{expression!r} is no cron expression: {error}") from error
    return fields


def next_due(expression: str, after: dt.datetime, tzinfo: dt.tzinfo) -> dt.datetime | None:
    """Return the first due time after a moment, None when the expression never fires again."""
    fields = parse_schedule(expression)
    dues = CronSim(fields, after.astimezone(tzinfo))
    due = next((due for due in dues if _is_before(after, due)), None)
    return due and (_left_out(fields, after, due, tzinfo) or due)


def previous_due(expression: str, before: dt.datetime, tzinfo: dt.tzinfo) -> dt.datetime | None:
    """Return the last due time at or before a moment."""
    start = before.astimezone(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=1)
    if before.astimezone(tzinfo).fold:  # what was due in the first pass lies later on the wall
        start += dt.timedelta(hours=2)
    dues = CronSim(parse_schedule(expression), start.astimezone(tzinfo), reverse=True)
    due = next((due for due in dues if not _is_before(before, due)), None)
    later = due and next_due(expression, due, tzinfo)
    return later if later and not _is_before(before, later) else due


def _left_out(
    fields: str, after: dt.datetime, due: dt.datetime, tzinfo: dt.tzinfo
) -> dt.datetime | None:
    """Return what cronsim 2.8 leaves out before `due`: some starts on Lord Howe, after half an hour
    came twice. Only such a change of the clock is looked at, and for jobs that follow the clock.
    """
    first, last = after.astimezone(tzinfo), due.astimezone(tzinfo)
    change = (last.utcoffset() or NOTHING) - (first.utcoffset() or NOTHING)
    if not change % HOUR or not any(field.startswith("*") for field in fields.split()[:2]):
        return None
    start = after.astimezone(dt.UTC).replace(second=0, microsecond=0)
    for number in range(1, (due.astimezone(dt.UTC) - start) // MINUTE):
        moment = (start + MINUTE * number).astimezone(tzinfo)
        wall = moment.replace(tzinfo=dt.UTC)  # a clock that never changes
        if next(CronSim(fields, wall - MINUTE)) == wall:
            return moment
    return None


def _is_before(one: dt.datetime, other: dt.datetime) -> bool:
    """Compare instants; Python compares two times of one zone by the clock on the wall.

    In the hour that comes twice cronsim names its first pass even when asked in the second.
    """
    return one.astimezone(dt.UTC) < other.astimezone(dt.UTC)


def is_due(
    expression: str, last_success: dt.datetime | None, now: dt.datetime, tzinfo: dt.tzinfo
) -> bool:
    """Whether a due time has passed since the last success; a missed one is caught up once.

    A success in the future tells of a clock that was ahead: to wait for that would be for years.
    """
    due = previous_due(expression, now, tzinfo)
    return due is not None and (last_success is None or not due <= last_success <= now)

"""Read ICS files with libical, the engine of Evolution and KOrganizer, and of many servers.

    /usr/bin/python3 read_with_libical.py FROM TO FILE…   (seconds since 1970)

For the system's Python, which has GObject introspection (gir1.2-ical-3.0, python3-gi). Prints what
read_with_ical_js.cjs prints.
"""

import datetime as dt
import json
import sys
from pathlib import Path

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib as libical  # noqa: E402, N813


def read(path, first, last):
    calendar = libical.Component.new_from_string(Path(path).read_bytes().decode())
    return [tell(event, first, last) for event in components(calendar)]


def components(calendar):
    event = calendar.get_first_component(libical.ComponentKind.VEVENT_COMPONENT)
    while event is not None:
        yield event
        event = calendar.get_next_component(libical.ComponentKind.VEVENT_COMPONENT)


def tell(event, first, last):
    kinds = libical.PropertyKind
    original = next(times(event, kinds.RECURRENCEID_PROPERTY), None)
    ends = (kinds.DTEND_PROPERTY, kinds.DURATION_PROPERTY)
    own = {each.get_x_name(): each.get_x() for each in properties(event, kinds.X_PROPERTY)}
    return {
        "id": own["X-GOOGLE-EVENT-ID"],
        "uid": event.get_uid(),
        "original": told(original),
        "start": told(event.get_dtstart()),
        "end": told(event.get_dtend()) if any(map(event.get_first_property, ends)) else None,
        "dates": sorted({each for each in dates(event, last) if is_within(each, first, last)}),
        "summary": event.get_summary() or "",
        "description": event.get_description() or "",
        "location": event.get_location() or "",
    }


def told(time):
    if time is None or time.is_null_time():
        return None
    if time.is_date():
        return f"{time.get_year():04}-{time.get_month():02}-{time.get_day():02}"
    return time.as_timet_with_zone(time.get_timezone())


def is_within(value, first, last):
    if isinstance(value, str):
        first, last = (dt.datetime.fromtimestamp(s, dt.UTC).date() for s in (first, last))
        return str(first) <= value < str(last)
    return first <= value < last


def properties(event, kind):
    found = event.get_first_property(kind)
    while found is not None:
        yield found
        found = event.get_next_property(kind)


def times(event, kind):
    """Yield the times of a property, on the clocks of the file's own VTIMEZONEs."""
    for found in properties(event, kind):
        if kind != libical.PropertyKind.RDATE_PROPERTY:
            yield found.get_datetime_with_component(event)
            continue
        time = found.get_rdate().get_time()
        zone = found.get_first_parameter(libical.ParameterKind.TZID_PARAMETER)
        if zone is not None:
            time.set_timezone(event.get_parent().get_timezone(zone.get_tzid()))
        yield time


def dates(event, last):
    """Collect DTSTART, RRULE and RDATE less EXDATE; `foreach_recurrence` takes an RDATE for UTC."""
    kinds = libical.PropertyKind
    excluded = {told(time) for time in times(event, kinds.EXDATE_PROPERTY)}
    start = event.get_dtstart()
    found = {told(start)}
    for rule in properties(event, kinds.RRULE_PROPERTY):
        try:
            steps = libical.RecurIterator.new(rule.get_rrule(), start)
        except TypeError:  # it refuses a series of before 1582 or so
            continue
        time = steps.next()
        while not time.is_null_time() and time.get_year() <= 1970 + last // 31_556_952 + 1:
            time.set_timezone(start.get_timezone())
            found.add(told(time))
            time = steps.next()
    found.update(told(time) for time in times(event, kinds.RDATE_PROPERTY))
    return found - excluded


if __name__ == "__main__":
    for name in sys.argv[3:]:
        print(json.dumps(read(name, int(sys.argv[1]), int(sys.argv[2]))))

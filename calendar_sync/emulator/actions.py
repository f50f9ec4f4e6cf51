"""The control actions: everything a test or a person can do to the world while it runs.

Every argument `calendar` takes an id or `primary`; `account` is the first one if not given;
`now` (RFC 3339) may be given to each. Times of events are Google's JSON.

| action | arguments | effect | result |
|---|---|---|---|
| add_account | account | a person with an empty calendar list | {} |
| add_calendar | calendar, summary?, time_zone?, role?, hidden?, description?, account? | a calendar in the person's list, the primary one if its id is the account | {id} |
| share_calendar | calendar, account, role? | puts it into (back into) a list | {} |
| unshare_calendar | calendar, account? | 404, and leaves the list as `deleted` | {} |
| hide_calendar | calendar, hidden? (true), account? | hides or shows it in the list | {} |
| change_role | calendar, role, account? | another accessRole; sync tokens 410 if `acl_expires` | {} |
| rename_calendar | calendar, summary | a new title, which list sync tokens do not report | {} |
| change_time_zone | calendar, time_zone | offsets in all later answers; no event changes | {} |
| reset_calendar | calendar | all events vanish without tombstones; sync tokens 410 | {} |
| add_event | calendar, event | a new event or series | {id} |
| add_events | calendar, events | several | {ids} |
| edit_event | calendar, id, changes | fields of an event or whole series; null removes | {id} |
| edit_series | calendar, id, changes | "all events": the series and its `_R` pieces | {ids} |
| move_event | calendar, id, start, end | new times | {id} |
| touch_event | calendar, id | sent again, unchanged | {id} |
| delete_event | calendar, id | an event or whole series becomes a tombstone | {} |
| cancel_instance | calendar, id, original_start | one occurrence is cancelled; no EXDATE | {id} |
| edit_instance | calendar, id, original_start, changes | one occurrence is changed | {id} |
| move_instance | calendar, id, original_start, start, end | one occurrence is moved | {id} |
| split_series | calendar, id, at, changes or delete: true | "this and all following" | {id or null} |
| random_edit | seed, calendar?, account? | one plausible edit of the above | {action, arguments, result} |
| load_events | calendar, count, seed? | load mode: many varied events | {count} |
| load_fuzz | calendar | the strange resources of rule 62 | {count} |
| load_jsonl | path, calendar, account? | resources served verbatim (rule 61) | {calendar: count} |
| set_switch | name, value, calendar? | one of `Switches`, for one calendar or all | {name: value, …} |
| expire_sync_tokens | calendar? | 410 for one calendar, or for all and the lists | {} |
| expire_page_tokens | | 400 for all page tokens given so far | {} |
| list_state | calendar | the truth: what a full listing gives its owner | {items, summary, timeZone} |
| list_calendars | account? | the truth of the list, with hidden and deleted | {items} |
| stats | | | {calendars: {id: {events, live, position}}, requests} |

`original_start` and `at` are a date, a dateTime with offset, or a whole instance id.
"""  # noqa: E501 - a table

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import chance, edits, fuzz, load, occurrences
from .arguments import Arguments
from .calendars import entry_resource
from .store import ROLES
from .times import find_zone
from .views import View

if TYPE_CHECKING:
    from .world import World

Result = dict[str, Any]


Action = Callable[[Arguments], Result]


def _add_account(a: Arguments) -> Result:
    a.world.add_account(a["account"])
    return {}


def _add_calendar(a: Arguments) -> Result:
    calendar_id = a.account if a["calendar"] == "primary" else a["calendar"]
    a.world.add_calendar(
        a.account,
        calendar_id,
        a.get("summary", calendar_id),
        time_zone=_known_zone(a.get("time_zone", "Europe/Berlin")),
        role=_known_role(a.get("role", "owner")),
        description=a.get("description", ""),
        hidden=a.get("hidden", False),
        now=a.now,
    )
    return {"id": calendar_id}


def _share_calendar(a: Arguments) -> Result:
    a.world.share(a["account"], a.calendar, _known_role(a.get("role", "reader")), now=a.now)
    return {}


def _unshare_calendar(a: Arguments) -> Result:
    a.changed_entry().deleted = True
    return {}


def _hide_calendar(a: Arguments) -> Result:
    a.changed_entry().hidden = bool(a.get("hidden", True))
    return {}


def _change_role(a: Arguments) -> Result:
    # A changed right alone does not show in the list's deltas (facts 1.2), so no new stamp.
    a.entry.role = _known_role(a["role"])
    if a.world.switches_for(a.calendar).acl_expires:
        a.calendar.epoch += 1
    return {}


def _rename_calendar(a: Arguments) -> Result:
    a.calendar.summary = a["summary"]
    return {}


def _change_time_zone(a: Arguments) -> Result:
    a.calendar.time_zone = _known_zone(a["time_zone"])
    for event in a.calendar.events.values():
        event.span = event.series_read = None  # all-day events now have other midnights
    return {}


def _reset_calendar(a: Arguments) -> Result:
    a.calendar.clear()
    a.calendar.tick(a.now)
    return {}


def _add_event(a: Arguments) -> Result:
    return {"id": edits.add_event(a.calendar, a["event"], a.now)}


def _add_events(a: Arguments) -> Result:
    return {"ids": [edits.add_event(a.calendar, event, a.now) for event in a["events"]]}


def _edit_event(a: Arguments) -> Result:
    return {"id": edits.edit_event(*a.event, a["changes"], a.now).id}


def _edit_series(a: Arguments) -> Result:
    return {"ids": occurrences.edit_series(*a.event, a["changes"], a.now)}


def _move_event(a: Arguments) -> Result:
    return {"id": edits.edit_event(*a.event, a.times, a.now).id}


def _touch_event(a: Arguments) -> Result:
    edits.touch_event(*a.event, a.now)
    return {"id": a["id"]}


def _delete_event(a: Arguments) -> Result:
    edits.delete_event(*a.event, a.now)
    return {}


def _cancel_instance(a: Arguments) -> Result:
    return {"id": occurrences.cancel_instance(*a.event, a["original_start"], a.now)}


def _edit_instance(a: Arguments) -> Result:
    start = a["original_start"]
    return {"id": occurrences.edit_instance(*a.event, start, a["changes"], a.now)}


def _move_instance(a: Arguments) -> Result:
    start = a["original_start"]
    return {"id": occurrences.edit_instance(*a.event, start, a.times, a.now)}


def _split_series(a: Arguments) -> Result:
    changes = None if a.get("delete") else a["changes"]
    return {"id": occurrences.split_series(*a.event, a["at"], changes, a.now)}


def _random_edit(a: Arguments) -> Result:
    wanted = a.calendar if a.get("calendar") else None
    action, arguments = chance.choose_edit(a.world, a["seed"], a.account, wanted)
    result = ACTIONS[action](Arguments(a.world, arguments, a.now))
    return {"action": action, "arguments": arguments, "result": result}


def _load_events(a: Arguments) -> Result:
    events = load.load_events(a.calendar, int(a["count"]), a.get("seed", 0))
    return {"count": a.calendar.load_events(events)}


def _load_fuzz(a: Arguments) -> Result:
    return {"count": a.calendar.load(fuzz.fuzz_events())}


def _load_jsonl(a: Arguments) -> Result:
    calendar_id = a.account if a["calendar"] == "primary" else a["calendar"]
    return dict(a.world.load_jsonl(a["path"], account=a.account, calendar_id=calendar_id))


def _set_switch(a: Arguments) -> Result:
    calendar = a.calendar if a.get("calendar") else None
    return a.world.set_switches({a["name"]: a["value"]}, calendar)


def _expire_sync_tokens(a: Arguments) -> Result:
    if a.get("calendar"):
        a.calendar.epoch += 1
    else:
        a.world.expire_sync_tokens()
    return {}


def _expire_page_tokens(a: Arguments) -> Result:
    a.world.pager.forget()
    return {}


def _list_state(a: Arguments) -> Result:
    view = View(a.calendar, "owner")
    shown = [event for event in a.calendar.in_order() if event.state in ("live", "hole")]
    items = [view.resource(event) for event in shown]
    return {"items": items, "summary": a.calendar.summary, "timeZone": a.calendar.time_zone}


def _list_calendars(a: Arguments) -> Result:
    entries = a.world.account(a.account).entries.values()
    return {"items": [entry_resource(entry) for entry in entries]}


def _stats(a: Arguments) -> Result:
    return a.world.stats()


def _known_role(role: str) -> str:
    if role not in ROLES:
        raise ValueError(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    return role


def _known_zone(name: str) -> str:
    if find_zone(name) is None:
        raise ValueError(f"there is no time zone {name!r}")
    return name


ACTIONS: dict[str, Action] = {
    action.__name__.removeprefix("_"): action
    for action in (
        _add_account,
        _add_calendar,
        _share_calendar,
        _unshare_calendar,
        _hide_calendar,
        _change_role,
        _rename_calendar,
        _change_time_zone,
        _reset_calendar,
        _add_event,
        _add_events,
        _edit_event,
        _edit_series,
        _move_event,
        _touch_event,
        _delete_event,
        _cancel_instance,
        _edit_instance,
        _move_instance,
        _split_series,
        _random_edit,
        _load_events,
        _load_fuzz,
        _load_jsonl,
        _set_switch,
        _expire_sync_tokens,
        _expire_page_tokens,
        _list_state,
        _list_calendars,
        _stats,
    )
}


def perform(world: World, action: str, given: Mapping[str, Any], now: datetime) -> Result:
    """Do one action; ValueError says what is wrong with it or its arguments."""
    if action not in ACTIONS:
        raise ValueError(f"there is no action {action!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[action](Arguments(world, given, now))

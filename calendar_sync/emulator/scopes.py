"""Scopes: their words on the consent page and the matrix of scopes by API method.

Both are taken from the discovery document of Calendar v3, revision 20261030; a test compares them
with the document that google-api-python-client ships.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "https://www.googleapis.com/auth/"
READONLY = PREFIX + "calendar.readonly"

_WORDS = {
    "calendar": "See, edit, share, and permanently delete all the calendars you can access using "
    "Google Calendar",
    "calendar.acls": "See and change the sharing permissions of Google calendars you own",
    "calendar.acls.readonly": "See the sharing permissions of Google calendars you own",
    "calendar.app.created": "Make secondary Google calendars, and see, create, change, and delete "
    "events on them",
    "calendar.calendarlist": "See, add, and remove Google calendars you’re subscribed to",
    "calendar.calendarlist.readonly": "See the list of Google calendars you’re subscribed to",
    "calendar.calendars": "See and change the properties of Google calendars you have access to, "
    "and create secondary calendars",
    "calendar.calendars.readonly": "See the title, description, default time zone, and other "
    "properties of Google calendars you have access to",
    "calendar.events": "View and edit events on all your calendars",
    "calendar.events.freebusy": "See the availability on Google calendars you have access to",
    "calendar.events.owned": "See, create, change, and delete events on Google calendars you own",
    "calendar.events.owned.readonly": "See the events on Google calendars you own",
    "calendar.events.public.readonly": "See the events on public calendars",
    "calendar.events.readonly": "View events on all your calendars",
    "calendar.freebusy": "View your availability in your calendars",
    "calendar.readonly": "See and download any calendar you can access using your Google Calendar",
    "calendar.settings": "View and edit your Calendar settings",
    "calendar.settings.readonly": "View your Calendar settings",
    "userinfo.email": "See your primary Google Account email address",
    "userinfo.profile": "See your personal info, including any you’ve made publicly available",
}
WORDS = {PREFIX + name: words for name, words in _WORDS.items()} | {
    "openid": "Associate you with your personal info on Google",
    "email": "See your primary Google Account email address",
    "profile": "See your personal info, including any you’ve made publicly available",
}


@dataclass(frozen=True)
class Method:
    """One read method: its name in ErrorInfo, its path, the scopes any of which suffices."""

    name: str
    path: tuple[str, ...]  # "*" stands for one id
    scopes: frozenset[str]

    def matches(self, segments: tuple[str, ...]) -> bool:
        """Tell whether a path is this method's."""
        return len(segments) == len(self.path) and all(
            wanted in ("*", segment) for wanted, segment in zip(self.path, segments, strict=True)
        )


def _method(name: str, path: str, scopes: str) -> Method:
    # `calendar` covers everything and `calendar.readonly` all reads, but not acl.list (sic).
    full = {PREFIX + "calendar", *(PREFIX + "calendar." + scope for scope in scopes.split())}
    return Method("calendar.v3." + name, tuple(path.split("/")), frozenset(full))


_EVENTS = (
    "readonly app.created events events.freebusy events.owned events.owned.readonly "
    "events.public.readonly events.readonly"
)
_LIST = "readonly calendarlist calendarlist.readonly"
_COLORS = (
    "readonly app.created calendarlist calendarlist.readonly events.freebusy events.owned "
    "events.owned.readonly events.public.readonly"
)
METHODS = (
    _method("CalendarList.List", "users/me/calendarList", _LIST),
    _method("CalendarList.Get", "users/me/calendarList/*", _LIST + " app.created"),
    _method("Calendars.Get", "calendars/*", "readonly app.created calendars calendars.readonly"),
    _method("Events.List", "calendars/*/events", _EVENTS),
    _method("Events.Get", "calendars/*/events/*", _EVENTS),
    _method("Events.Instances", "calendars/*/events/*/instances", _EVENTS),
    _method("Acl.List", "calendars/*/acl", "acls acls.readonly"),
    _method("Acl.Get", "calendars/*/acl/*", "readonly acls acls.readonly"),
    _method("Colors.Get", "colors", _COLORS),
    _method("Settings.List", "users/me/settings", "readonly settings settings.readonly"),
    _method("Settings.Get", "users/me/settings/*", "readonly settings settings.readonly"),
)


def method_of(segments: tuple[str, ...]) -> Method | None:
    """Find the read method that a path names."""
    return next((method for method in METHODS if method.matches(segments)), None)

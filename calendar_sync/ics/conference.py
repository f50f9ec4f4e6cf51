"""How to get into the conferences of events (RFC 7986 section 5.11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter

from calendar_sync.ics.folding import folded
from calendar_sync.ics.text import parameters, uris
from calendar_sync.model import EntryPoint, Event

FEATURES = {"video": ";FEATURE=AUDIO,VIDEO", "phone": ";FEATURE=PHONE", "sip": ";FEATURE=AUDIO"}
_SECRETS = ("PIN", "access code", "meeting code", "passcode", "password")
_link_of = attrgetter("uri")


def conference_lines(events: Sequence[Event]) -> list[str]:
    """Write each way into the conferences, and the video one as Google's feed does."""
    entries: list[EntryPoint] = []
    labels: list[str] = []
    counts = []
    for event in events:
        conference, hangout_link = event.conference_data, event.hangout_link
        ways = conference.entry_points if conference else ()
        if hangout_link and hangout_link not in map(_link_of, ways):
            ways = (EntryPoint("video", hangout_link), *ways)
        solution = conference.conference_solution if conference else None
        name = (solution.name if solution else None) or ""
        for way in ways:
            label = way.label or name
            if way.pin or way.access_code or way.meeting_code or way.passcode or way.password:
                label = _told(label, way)
            labels.append(label)
        entries += ways
        counts.append(len(ways))
    kinds = [entry.entry_point_type or "" for entry in entries]
    links = uris([entry.uri or "" for entry in entries])
    return _written(zip(kinds, links, parameters(labels), strict=True), counts)


def _told(label: str, way: EntryPoint) -> str:
    """Say what a person must know to get in: a URI has no place for a PIN."""
    secrets = (way.pin, way.access_code, way.meeting_code, way.passcode, way.password)
    words = [f"{word} {secret}" for word, secret in zip(_SECRETS, secrets, strict=True) if secret]
    return ", ".join([label, *words] if label else words)


def _written(ways: Iterator[tuple[str, str | None, str]], counts: Sequence[int]) -> list[str]:
    """Write all ways: so many are of the first event, so many of the next one."""
    lines = []
    texts = []
    for count in counts:
        video = None
        for kind, link, label in islice(ways, count):
            if link:
                feature, mark = FEATURES.get(kind, ""), ";LABEL=" if label else ""
                lines.append(f"\r\nCONFERENCE;VALUE=URI{feature}{mark}{label}:{link}")
                video = video or (link if kind == "video" else None)
        if video:
            lines.append(f"\r\nX-GOOGLE-CONFERENCE:{video}")
        texts.append("".join(folded(lines)))
        lines.clear()
    return texts

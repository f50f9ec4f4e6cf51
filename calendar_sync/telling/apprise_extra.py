"""A hundred more ways to tell someone, by the package apprise (the extra `notify`)."""

from __future__ import annotations

import logging

from calendar_sync.telling.notices import Notice
from calendar_sync.telling.sending import NotTold


def send_by_apprise(urls: list[str], notice: Notice) -> None:
    """Send the notice through every address of the file. Raises NotTold."""
    try:
        import apprise  # type: ignore[import-not-found,unused-ignore]  # an extra
    except ImportError:
        raise NotTold("apprise is missing: pip install 'calendar-sync[notify]'") from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs the addresses
    kinds = {"failure": "failure", "warning": "warning", "recovery": "success"}
    sender = apprise.Apprise()
    understood = [sender.add(url) for url in urls]
    if not all(understood):
        raise NotTold("apprise does not understand one of the addresses")
    kind = kinds.get(notice.event, "info")
    if not sender.notify(title=notice.title, body=notice.text, notify_type=kind):
        raise NotTold("apprise could not deliver it")

"""The ways of telling: each turns a reference into addresses and speaks to them; and a test of all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from calendar_sync.config import Config
from calendar_sync.errors import CalendarSyncError
from calendar_sync.files import make_folder, replace_file
from calendar_sync.grants.grant import Grant
from calendar_sync.grants.guard import token_file_of
from calendar_sync.history import Report, last_reports
from calendar_sync.home import Home, from_home
from calendar_sync.telling.notices import Notice, as_ntfy, as_webhook
from calendar_sync.telling.pings import end_address
from calendar_sync.telling.sending import LIMIT, Errand, post
from calendar_sync.telling.settings import Tell, addresses


def send_ping(
    reference: str, home: Home, address: Callable[[str], str | None], body: bytes
) -> None:
    """Ping every address of the reference, each changed by `address`; None is left out."""
    for url in addresses(reference, home.folder):
        aimed = address(url)
        if aimed is not None:
            post(aimed, body, {"Content-Type": "text/plain; charset=utf-8"})


def send_notice(home: Home, tell: Tell, notice: Notice) -> list[Errand]:
    """Send a notice through webhook, ntfy and apprise, whichever are configured, all at once."""
    return [
        Errand(name, partial(_send, name, where, home, notice))
        for name, where in tell.secrets().items()
        if name != "ping"
    ]


def _send(way: str, reference: str, home: Home, notice: Notice) -> None:
    urls = addresses(reference, home.folder)
    if way == "apprise":
        from calendar_sync.telling.apprise_extra import send_by_apprise

        send_by_apprise(urls, notice)
        return
    body, headers = as_webhook(notice) if way == "webhook" else as_ntfy(notice)
    for url in urls:
        post(url, body, headers)


def write_metrics(home: Home, config: Config, report: Report) -> None:
    """Replace the metrics file; nothing where none is configured. Raises CannotWrite."""
    from calendar_sync.telling.metrics import render_metrics

    if config.tell.metrics is None:
        return
    path = from_home(home.folder, config.tell.metrics)
    make_folder(path.parent)
    content = render_metrics(report, last_reports(home.mirror)[1], grant_of(home, config))
    replace_file(path, content)


def try_everything(home: Home, config: Config) -> Iterator[tuple[str, str | None]]:
    """Send a test through every configured way; yield each with its trouble, None when it arrived."""
    tell = config.tell
    notice = Notice("test", "calendar-sync test", f"A test from the home {home.folder}.")
    errands = send_notice(home, tell, notice)
    if tell.ping is not None:
        ping, body = tell.ping, b"a test: calendar-sync notify test"
        success = partial(end_address, exit_code=0)
        errands.insert(0, Errand("ping", lambda: send_ping(ping, home, success, body)))
    last = last_reports(home.mirror)[0]
    if tell.metrics is not None and last is not None:
        errands.append(Errand("metrics", lambda: write_metrics(home, config, last)))
    ends = time.monotonic() + LIMIT
    for errand in errands:
        yield errand.name, errand.wait(ends)


def grant_of(home: Home, config: Config) -> Grant | None:
    """Return the grant, None where it cannot be read: the run's own error says why."""
    try:
        return token_file_of(home, config).read()
    except CalendarSyncError:
        return None

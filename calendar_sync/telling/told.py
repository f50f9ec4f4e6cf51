"""Around a run: its beginning and its end are told in every configured way, within short limits."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from calendar_sync.config import Config
from calendar_sync.durations import parse_duration
from calendar_sync.errors import CalendarSyncError, ExitCode, TryLater
from calendar_sync.grants.grant import read_instant, write_instant
from calendar_sync.history import Report, recent_reports
from calendar_sync.home import Home
from calendar_sync.logs import line_format
from calendar_sync.telling.hooks import hook_environment, run_hook
from calendar_sync.telling.notices import decide, is_stopped, notice_of
from calendar_sync.telling.pings import LONGEST_BODY, end_address, ping_body, start_address
from calendar_sync.telling.sending import LIMIT, Errand, NotTold
from calendar_sync.telling.ways import grant_of, send_notice, send_ping, write_metrics

log = logging.getLogger("calendar_sync")
_T = TypeVar("_T")


@contextlib.contextmanager
def told(
    home: Home, config: Config, clock: Callable[[], dt.datetime], *, silent: bool = False
) -> Iterator[Telling]:
    """Tell about the run inside: `announced` when it begins, its report or its error at the end.

    A run that found another at work is no run. Whatever goes wrong here is a warning in the log.
    """
    telling = Telling(home, config, clock)
    if silent or config.tells_nobody:
        telling.is_silent = True
        yield telling
        return
    past = recent_reports(home.mirror, 50)
    telling.newest_before = past[0].run_id if past else ""
    telling.previous = next((report for report in past if not is_stopped(report)), None)
    with _log_tail() as tail:
        try:
            yield telling
        except CalendarSyncError as error:
            if telling.has_begun or not isinstance(error, TryLater):
                telling.end(telling.report_on(int(error.exit_code), error.message), tail)
            raise
        except Exception as error:
            telling.end(telling.report_on(int(ExitCode.BUG), type(error).__name__), tail)
            raise
        if telling.report is not None:
            telling.end(telling.report, tail)


class Telling:
    """One run being told. `report` is to be set to the run's when it has one."""

    def __init__(self, home: Home, config: Config, clock: Callable[[], dt.datetime]) -> None:
        self._home, self._config, self._clock = home, config, clock
        self._started = clock()
        self._start_ping: Errand | None = None
        self.previous: Report | None = None
        self.report: Report | None = None
        self.newest_before = ""
        self.has_begun = self.is_silent = False

    def announced(self, connect: Callable[[], _T]) -> Callable[[], _T]:
        """Return `connect` with the announcement before it: a run connects when it has its lock."""

        def announce() -> _T:
            if not (self.has_begun or self.is_silent):
                self.has_begun = True
                self._begin()
            return connect()

        return announce

    def _begin(self) -> None:
        with _no_harm():
            self._say_start()

    def _say_start(self) -> None:
        ping = self._config.tell.ping
        if ping is not None:  # nobody waits for it before the end of the run
            self._start_ping = Errand(
                "ping", lambda: send_ping(ping, self._home, start_address, b"")
            )
        self._hook("before", self._config.hooks.before, None)

    def end(self, report: Report, log_tail: deque[str]) -> None:
        """Tell how it went: hooks one after the other, everything else at once beside them."""
        with _no_harm():
            self._say_end(report, log_tail)

    def _say_end(self, report: Report, log_tail: deque[str]) -> None:
        ends = time.monotonic() + LIMIT
        errands: list[Errand] = []
        if not is_stopped(report):
            errands = self._errands(report, "\n".join(log_tail))
        hooks = self._config.hooks
        if report.exit_code and not is_stopped(report):
            self._hook("on_error", hooks.on_error, report)
        if any(calendar.result == "updated" for calendar in report.calendars):
            self._hook("on_change", hooks.on_change, report)
        self._hook("after", hooks.after, report)
        for errand in errands:
            _warn(errand.name, errand.wait(max(ends, time.monotonic())))

    def _errands(self, report: Report, log_tail: str) -> list[Errand]:
        tell = self._config.tell
        errands = []
        if tell.ping is not None:
            ping, body = tell.ping, ping_body(report, log_tail)
            errands.append(Errand("ping", lambda: self._end_ping(ping, report.exit_code, body)))
        if tell.metrics is not None:
            errands.append(
                Errand("metrics", lambda: write_metrics(self._home, self._config, report))
            )
        now, before = self._clock(), self._time_of_previous()
        grant = grant_of(self._home, self._config)
        warnings = (
            grant.warning(before) if grant and before else None,
            grant.warning(now) if grant else None,
        )
        for event, words in decide(report, self.previous, warnings):
            if event in tell.on:
                errands += send_notice(self._home, tell, notice_of(event, words, report))
        return errands

    def _time_of_previous(self) -> dt.datetime | None:
        return read_instant(self.previous.finished_at) if self.previous else None

    def _end_ping(self, reference: str, exit_code: int, body: bytes) -> None:
        if self._start_ping is not None:  # in this order, or the service thinks it runs on
            self._start_ping.wait(time.monotonic() + LIMIT)
        send_ping(reference, self._home, lambda url: end_address(url, exit_code), body)

    def _hook(self, moment: str, command: tuple[str, ...], report: Report | None) -> None:
        if not command:
            return
        limit = parse_duration(self._config.hooks.timeout).total_seconds()
        words = hook_environment(self._home.folder, moment, report)
        try:
            run_hook(command, self._home.folder, words, limit)
        except NotTold as error:
            _warn(f"hook {moment}", str(error))

    def report_on(self, exit_code: int, message: str) -> Report:
        """Return what the run that failed remembered; one made up where it could not even do that."""
        newest = next(iter(recent_reports(self._home.mirror, 1)), None)
        if newest is not None and newest.run_id != self.newest_before:
            return newest
        start, end = write_instant(self._started), write_instant(self._clock())
        return Report("", "export", start, end, exit_code, message, 0)


@contextlib.contextmanager
def _no_harm() -> Iterator[None]:
    """Turn whatever goes wrong in telling into a warning: the run is worth more."""
    try:
        yield
    except Exception as error:
        _warn("anybody", f"a bug ({type(error).__name__})")


def _warn(way: str, trouble: str | None) -> None:
    if trouble is not None:
        log.warning("not told by %s: %s", way, trouble)


@contextlib.contextmanager
def _log_tail() -> Iterator[deque[str]]:
    """Keep the end of our own log in memory, for the pings."""
    tail: deque[str] = deque(maxlen=LONGEST_BODY // 50)

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tail.append(self.format(record))

    keeper = Keeper()
    keeper.setFormatter(line_format("human"))
    log.addHandler(keeper)
    try:
        yield tail
    finally:
        log.removeHandler(keeper)

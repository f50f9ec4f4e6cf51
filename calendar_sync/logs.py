"""Logs: one line for each event, for a person, as key=value, or as JSON; never a secret.

    human    2026-11-21T10:30:00+0100 INFO read calendar=team result=updated …
    logfmt   time=2026-11-21T09:30:00.123Z level=info run_id=… message=read calendar=team …
    json     {"time": "2026-11-21T09:30:00.123Z", "level": "info", "run_id": "…", "message": "read", …}

What commands say to a person goes the way of the log, too, where a format for programs was asked
for, and into a log file always: the reason of a failure is there.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec

from calendar_sync.errors import cannot_write
from calendar_sync.terminal import TALK, one_line, write_talk

log = logging.getLogger("calendar_sync")
_one_at_a_time = threading.Lock()
_warned_of: set[str] = set()
Format = Literal["human", "logfmt", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
run_id: ContextVar[str] = ContextVar("run_id", default="")  # set by who starts a run


user: ContextVar[str] = ContextVar("user", default="")  # of an organisation, whose run it is


class Logging(msgspec.Struct, frozen=True):
    """How this process logs; plain data, so that its workers can do the same."""

    verbosity: int = 0
    quiet: bool = False
    form: Format | None = None
    file: Path | None = None

    def set_up(self) -> None:
        """Log so in this process."""
        set_up_logging(self.verbosity, quiet=self.quiet, form=self.form, file=self.file)


_in_use = Logging()


def logging_in_use() -> Logging:
    """Return how this process was told to log."""
    return _in_use


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Return what `extra=` of a log call takes: the facts beside its message."""
    return {"fields": values}


def told(**values: object) -> dict[str, object]:
    """Return the same for what a command tells a person by itself, when it is done."""
    return {**fields(**values), "told": True}


def warn_once(words: str) -> None:
    """Warn of what all users of an organisation have in common, once in this process."""
    with _one_at_a_time:
        is_new = words not in _warned_of
        _warned_of.add(words)
    if is_new:
        log.warning("%s", words)


def set_up_logging(
    verbosity: int,
    *,
    quiet: bool = False,
    form: Format | None = None,
    file: Path | None = None,
    once: bool = False,
) -> None:
    """Log to stderr, and to a file if there is one, which holds more than a quiet stderr.

    `once` leaves out of stderr what the command tells there by itself, too (`told`).

    Without a form it is human on a terminal, else logfmt. Libraries stay at WARNING: at DEBUG some
    print tokens and codes. Raises CannotWrite when the file cannot be opened.
    """
    global _in_use  # as logging itself is: one for the process
    _in_use = Logging(verbosity, quiet, form, file)
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    level = logging.ERROR if quiet else max(logging.DEBUG, logging.WARNING - 10 * verbosity)
    to_stderr = _ToStderr(level, takes_talk=form in ("logfmt", "json"), once=once)
    to_stderr.setFormatter(
        line_format(form or ("human" if is_terminal else "logfmt"), with_time=bool(verbosity))
    )
    handlers: list[logging.Handler] = [to_stderr]
    if file is not None:
        handlers.append(_to_file(file, form or "logfmt"))
    logging.basicConfig(level=logging.WARNING, handlers=handlers, force=True)
    logging.getLogger("calendar_sync").setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)
    # It warns of every 403 that we are about to explain.
    logging.getLogger("googleapiclient.http").setLevel(logging.ERROR)


class _ToStderr(logging.Handler):
    """Writes as all talk is written: no closed pipe and no full disk can end the job."""

    def __init__(self, level: int, *, takes_talk: bool, once: bool) -> None:
        super().__init__()
        self._level, self._takes_talk, self._once = level, takes_talk, once

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what is not asked for. Talk knows by itself when to be quiet."""
        if self._once and hasattr(record, "told") and not user.get():
            return False
        return self._takes_talk if record.name == TALK else record.levelno >= self._level

    def emit(self, record: logging.LogRecord) -> None:
        write_talk(record.levelno, self.format(record))


def _to_file(path: Path, form: Format) -> logging.Handler:
    """Append to a file, opened anew when logrotate has moved it away. Its mode is the umask's."""
    from logging.handlers import WatchedFileHandler  # sockets and pickles, for who wants a file

    class ToFile(WatchedFileHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
            """Go on: a full disk under the log must not end the job we tell about."""

    try:
        handler = ToFile(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise cannot_write(path, error) from error
    handler.setFormatter(line_format(form))
    return handler


# -- lines -----------------------------------------------------------------------------------------

_Write = Callable[[logging.LogRecord, dict[str, object]], str]


class _Lines(logging.Formatter):
    """Makes one line of a record. Of an exception only its kind: texts may hold what servers sent."""

    def __init__(self, write: _Write) -> None:
        super().__init__()
        self._write = write

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, object] = dict(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            facts["exception"] = record.exc_info[0].__qualname__
            if logging.getLogger("calendar_sync").isEnabledFor(logging.DEBUG):
                facts["where"] = "".join(traceback.format_tb(record.exc_info[2]))
        return redacted(self._write(record, facts))


def line_format(form: Format, *, with_time: bool = True) -> logging.Formatter:
    """Return what makes lines of one form; a person who looks on needs no time."""
    human = _human_with_time if with_time else _human
    return _Lines({"human": human, "logfmt": _logfmt, "json": _json}[form])


def _human(record: logging.LogRecord, facts: dict[str, object]) -> str:
    return f"{record.levelname.lower()}: {_words(record, facts)}"


def _human_with_time(record: logging.LogRecord, facts: dict[str, object]) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created))
    facts = {**facts, **_whose()}
    return f"{moment} {record.levelname} {_words(record, facts)}"


def _words(record: logging.LogRecord, facts: dict[str, object]) -> str:
    lines = [one_line(line) for line in record.getMessage().splitlines()]
    return " ".join(["\n".join(lines), *_pairs(facts)])


def _logfmt(record: logging.LogRecord, facts: dict[str, object]) -> str:
    return " ".join(_pairs(_event(record, facts)))


def _json(record: logging.LogRecord, facts: dict[str, object]) -> str:
    event = {
        key: _encodable(value) if isinstance(value, str) else value
        for key, value in _event(record, facts).items()
    }
    return msgspec.json.encode(event, enc_hook=str).decode()


def _event(record: logging.LogRecord, facts: dict[str, object]) -> dict[str, object]:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    event: dict[str, object] = {"time": f"{seconds}.{int(record.msecs):03d}Z"}
    event["level"] = record.levelname.lower()
    event |= _whose()
    if not record.name.startswith("calendar_sync"):
        event["logger"] = record.name
    return {**event, "message": record.getMessage(), **facts}


def _whose() -> dict[str, object]:
    """Say of which run a line is, and for which of an organisation's users."""
    names = {"run_id": run_id.get(), "user": user.get()}
    return {key: name for key, name in names.items() if name}


def _pairs(facts: dict[str, object]) -> list[str]:
    return [f"{key}={_value(value)}" for key, value in facts.items()]


def _value(value: object) -> str:
    """Write a value as logfmt's readers take it: bare, or quoted as in JSON."""
    text = _encodable(str(value))
    if re.fullmatch(r'[^\s"=\\]+', text) and text.isprintable():
        return text
    quoted = msgspec.json.encode(text).decode()
    return "".join(c if c.isprintable() else _escaped(c) for c in quoted)


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _encodable(text: str) -> str:
    """Show the bytes of a file name that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()


# -- secrets ---------------------------------------------------------------------------------------


@cache
def _secrets() -> re.Pattern[str]:
    words = "access_token|refresh_token|id_token|client_secret|code_verifier|assertion"
    before = rf"\bBearer\s+|[?&]code=|\b(?:{words})[\\'\"]*\s*[=:]\s*[\\'\"]*"
    return re.compile(
        rf"(?P<kept>{before})[^\s&'\"\\,}}]{{8,}}"
        r"|\bya29\.[\w.-]+|\b1//[\w-]{8,}|\bGOCSPX-[\w-]+|\b4/[\w-]{20,}"
    )


def redacted(text: str) -> str:
    """Blank out what looks like Google's secrets, whoever wrote it: the last of several guards."""
    return _secrets().sub(lambda found: f"{found['kept'] or ''}***", text)

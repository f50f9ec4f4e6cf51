"""Notices: what is worth telling a person, once for each change of state, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from calendar_sync.errors import ExitCode
from calendar_sync.history import Report
from calendar_sync.telling.settings import Occasion

_STOPPED = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
_PRIORITIES = {"failure": "high", "warning": "default", "recovery": "default"}
_TAGS = {"failure": "rotating_light", "warning": "warning", "recovery": "white_check_mark"}


@dataclass(frozen=True)
class Notice:
    """One message to a person. `event` is "test" when somebody only tries the way."""

    event: str
    title: str
    text: str
    run_id: str = ""
    exit_code: int = 0


def is_stopped(report: Report) -> bool:
    """Whether somebody ended the run; that says nothing about the state of things."""
    return report.exit_code in _STOPPED


def decide(
    report: Report, previous: Report | None, grant_warnings: tuple[str | None, str | None]
) -> list[tuple[Occasion, str]]:
    """Decide what changed between two runs, each with its words; nothing when nothing did.

    `grant_warnings` are those of the previous run's time and of now: their texts count days, so
    it is their presence that is compared.
    """
    if is_stopped(report):
        return []
    found: list[tuple[Occasion, str]] = []
    before = previous.exit_code if previous else 0
    if report.exit_code and report.exit_code != before:
        found.append(("failure", failure_in_words(report)))
    if before and not report.exit_code:
        found.append(("recovery", "The last run went well again."))
    known = set(previous.warnings) if previous else set()
    fresh = [text for text in report.warnings if text not in known]
    ending = grant_warnings[1]
    if ending and not grant_warnings[0] and ending not in report.warnings:
        fresh.append(ending)
    if fresh:
        found.append(("warning", "\n".join(fresh)))
    return found


def failure_in_words(report: Report) -> str:
    """Say what failed and why, with the exit code's meaning."""
    meaning = {code.value: code.meaning for code in ExitCode}.get(report.exit_code, "unknown")
    lines = [report.message, f"Exit code {report.exit_code}: {meaning}."]
    lines += [f"{c.name}: {c.error}" for c in report.calendars if c.error]
    return "\n".join(line for line in lines if line)


def notice_of(event: Occasion, words: str, report: Report) -> Notice:
    """Make the message of a decision."""
    titles = {"failure": "is failing", "recovery": "works again", "warning": "has a warning"}
    title = f"calendar-sync {titles[event]}"
    return Notice(event, title, words, report.run_id, report.exit_code)


def as_webhook(notice: Notice) -> tuple[bytes, dict[str, str]]:
    """Return body and headers: JSON whose `text` Slack and Mattermost show, `content` Discord."""
    text = f"{notice.title}\n{notice.text}"
    value: dict[str, Any] = {
        "version": 1,
        "event": notice.event,
        "title": notice.title,
        "message": notice.text,
        "run_id": notice.run_id,
        "exit_code": notice.exit_code,
        "text": text,
        "content": text[:1900],  # Discord refuses more than 2,000
    }
    return msgspec.json.encode(value), {"Content-Type": "application/json"}


def as_ntfy(notice: Notice) -> tuple[bytes, dict[str, str]]:
    """Return body and headers as https://docs.ntfy.sh/publish/ wants them; headers are ASCII."""
    headers = {
        "Title": notice.title,
        "Priority": _PRIORITIES.get(notice.event, "default"),
        "Tags": _TAGS.get(notice.event, "wave"),
        "Content-Type": "text/plain; charset=utf-8",
    }
    return notice.text.encode("utf-8", "replace")[:4096], headers  # ntfy makes files of more

"""Metrics for Prometheus: a file for node_exporter's textfile collector, replaced as a whole.

By hand: prometheus-client costs more to import than the rest of the job, for one page of text.
https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterable

from calendar_sync import __version__
from calendar_sync.grants.grant import Grant, read_instant
from calendar_sync.history import Report

_Samples = list[tuple[dict[str, str], float]]


def render_metrics(report: Report, success: Report | None, grant: Grant | None) -> bytes:
    """Render the gauges after a run. Unknown values are left out rather than invented.

    What is said about calendars is of the last run that looked at them.
    """
    looked = report if report.calendars or success is None else success
    families = [
        _family("info", "Version of calendar-sync.", [({"version": __version__}, 1)]),
        _family("last_run_timestamp_seconds", "End of the last run.", _moment(report.finished_at)),
        _family(
            "last_success_timestamp_seconds",
            "End of the last run that went well.",
            _moment(success.finished_at if success else None),
        ),
        _family("last_run_duration_seconds", "Length of the last run.", _duration(report)),
        _plain("last_run_exit_code", "Exit code of the last run, 0 is well.", report.exit_code),
        _plain("last_run_requests", "Requests to Google of the last run.", report.requests),
        _plain("last_run_warnings", "Warnings of the last run.", len(report.warnings)),
        *_calendars(looked),
        _family(
            "grant_consented_timestamp_seconds",
            "When a person gave the grant.",
            _moment(grant.consented_at if grant else None),
        ),
        _family(
            "grant_expires_timestamp_seconds",
            "When Google ends the grant, where it said so.",
            _moment(grant.refresh_token_expires_at if grant else None),
        ),
    ]
    return "".join(families).encode()


def _calendars(report: Report) -> Iterable[str]:
    events: _Samples = [({"calendar": c.slug}, c.events) for c in report.calendars]
    failed: _Samples = [({"calendar": c.slug}, int(c.result == "failed")) for c in report.calendars]
    changes: _Samples = [
        ({"calendar": c.slug, "kind": kind}, getattr(c, kind))
        for c in report.calendars
        for kind in ("added", "changed", "removed")
    ]
    yield _family("calendar_events", "Events in the calendar.", events)
    yield _family("calendar_failed", "1 when the last run could not read it.", failed)
    yield _family("calendar_changes", "What the last run found changed.", changes)


def _plain(name: str, words: str, value: float) -> str:
    return _family(name, words, [({}, value)])


def _moment(text: str | None) -> _Samples:
    moment = read_instant(text)
    return [] if moment is None else [({}, moment.timestamp())]


def _duration(report: Report) -> _Samples:
    start, end = read_instant(report.started_at), read_instant(report.finished_at)
    if start is None or end is None:
        return []
    return [({}, max(0.0, (end - start).total_seconds()))]


def _family(name: str, words: str, samples: _Samples) -> str:
    if not samples:
        return ""
    full = f"calendar_sync_{name}"
    lines = [f"# HELP {full} {words}", f"# TYPE {full} gauge"]
    lines += [f"{full}{_labels(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return f"{value:d}" if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")

"""Pings for a dead man's switch: a service that complains when they stay away.

Understood as they are by Healthchecks (and whatever imitates it), by Uptime Kuma's push monitors and
by Cronitor: https://healthchecks.io/docs/http_api/, https://cronitor.io/docs/telemetry-api
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from calendar_sync.history import Report

LONGEST_BODY = 10_000  # bytes; Healthchecks keeps no more


def start_address(ping: str) -> str | None:
    """Return where the beginning of a run is told, None where nobody wants to know."""
    if _is_uptime_kuma(ping):
        return None
    if _is_cronitor(ping):
        return _with_query(ping, state="run")
    return _with_step(ping, "start")


def end_address(ping: str, exit_code: int) -> str:
    """Return where the end of a run is told: the address itself is success."""
    if _is_uptime_kuma(ping):
        words = ("down", f"exit code {exit_code}") if exit_code else ("up", "OK")
        return _with_query(ping, status=words[0], msg=words[1])
    if _is_cronitor(ping):
        state = "complete" if exit_code == 0 else "fail"
        return _with_query(ping, state=state, status_code=str(exit_code))
    return ping if exit_code == 0 else _with_step(ping, str(exit_code))


def ping_body(report: Report, log_tail: str) -> bytes:
    """Describe the run for whoever opens the ping: what it did, then the end of the log."""
    lines = [f"{report.run_id or report.command} exit code {report.exit_code} {report.message}"]
    lines += [f"{c.result} {c.slug} {c.events} events {c.error}" for c in report.calendars]
    lines += [f"warning: {text}" for text in report.warnings]
    summary = "\n".join(line.rstrip() for line in lines).encode("utf-8", "replace")
    summary = summary[: LONGEST_BODY // 2] + b"\n\n"
    tail = log_tail.encode("utf-8", "replace")
    return summary + tail[-(LONGEST_BODY - len(summary)) :]


def _is_uptime_kuma(url: str) -> bool:
    return "/api/push/" in urlsplit(url).path


def _is_cronitor(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host.endswith(("cronitor.link", "cronitor.io"))


def _with_step(url: str, step: str) -> str:
    """Put a step before the query: `…/uuid?create=1` becomes `…/uuid/start?create=1`."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{step}"))


def _with_query(url: str, **words: str) -> str:
    parts = urlsplit(url)
    kept = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit(parts._replace(query=urlencode({**kept, **words})))

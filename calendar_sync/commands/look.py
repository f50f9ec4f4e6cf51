"""Looking without changing: `calendars`, `status`, `doctor`."""

from __future__ import annotations

from typing import Any

import click

from calendar_sync.cli import App, command
from calendar_sync.errors import ExitCode
from calendar_sync.grants.guard import token_file_of
from calendar_sync.terminal import one_line


@command("calendars")
def calendars(app: App) -> None:
    """List the account's calendars: id, name, role, zone, exported or why not."""
    from calendar_sync.calendars import is_chosen
    from calendar_sync.session import account_of
    from calendar_sync.stop import Stop

    stop = Stop()
    with stop.on_signals():
        entries = account_of(app.home, app.config, app.now, stop)().calendars()
    rows = []
    for entry in sorted(entries, key=lambda entry: entry.id):
        name = entry.summary_override or entry.summary
        exports = [e.name for e in app.config.export if is_chosen(entry.id, name, e.calendars)]
        rows.append(
            {
                "id": entry.id,
                "name": name,
                "role": entry.access_role,
                "time_zone": entry.time_zone,
                "hidden": entry.hidden,
                "primary": entry.primary,
                "exported": bool(exports),
                "exports": exports,
            }
        )
    if app.terminal.as_json:
        app.terminal.json({"version": 1, "calendars": rows})
        return
    app.terminal.table(
        ["id", "name", "role", "zone", "exported"],
        [[r["id"], r["name"], r["role"], r["time_zone"], _exported(r)] for r in rows],
    )


def _exported(row: dict[str, Any]) -> str:
    if not row["exports"]:
        return "no: no [[export]] chooses it"
    return f"yes: {', '.join(row['exports'])}" + (" (hidden in Google)" if row["hidden"] else "")


@command("status")
def status(app: App) -> int:
    """Say whether it is healthy (exit 0) or stale or failing (exit 1)."""
    from calendar_sync.health import status as collect

    found = collect(app.home.mirror, token_file_of(app.home, app.config), app.config, app.now())
    healthy = found["health"] == "fresh"
    if app.terminal.as_json:
        app.terminal.json(found)
    elif not (healthy and app.terminal.quiet):
        _print_status(app, found)
    return int(ExitCode.DONE if healthy else ExitCode.SOME_FAILED)


def _print_status(app: App, found: dict[str, Any]) -> None:
    grant = found["grant"]
    age = "age unknown" if grant["age_days"] is None else f"{grant['age_days']} days old"
    lines = [
        ("health", found["health"]),
        ("last success", found["last_success"] or "never"),
        ("last run", _last_run(found)),
        ("next due", found["next_due"] or "no schedule in calendar-sync.toml"),
        ("grant", f"{grant['account'] or 'account unknown'}, {age}"),
        ("warning", grant["warning"]),
        ("home", app.home.describe().removeprefix("home ")),
    ]
    for name, text in lines:
        if text:
            app.terminal.data(f"{name:<13} {text}")
    widest = max((len(one_line(c.name)) for c in found["calendars"]), default=0)
    for c in found["calendars"]:
        head = "calendars" if c is found["calendars"][0] else ""
        name = one_line(c.name).ljust(min(widest, 40))
        app.terminal.data(f"{head:<13} {name}  {c.events:>5} events  {c.error or c.result}")


def _last_run(found: dict[str, Any]) -> str:
    if not found["last_run"]:
        return "never"
    message = f": {found['last_message']}" if found["last_message"] else ""
    return f"{found['last_run']}, exit code {found['last_exit_code']}{message}"


@command("doctor")
@click.option("--offline", is_flag=True, help="Ask nobody; look at local things only.")
def doctor(app: App, offline: bool) -> int:
    """Check everything that can be checked; name the remedy for each finding."""
    from calendar_sync.doctor import examine

    checks = list(examine(app.home, app.now, offline=offline))
    if app.terminal.as_json:
        app.terminal.json({"version": 1, "checks": checks})
    else:
        for check in checks:
            if app.terminal.quiet and check.result == "pass":
                continue
            app.terminal.data(f"{check.result:<4}  {check.name}: {check.finding}")
            if check.remedy:
                app.terminal.data(f"      -> {check.remedy}")
    failed = any(check.result == "fail" for check in checks)
    return int(ExitCode.SOME_FAILED if failed else ExitCode.DONE)

"""Looking without changing: `calendars`, `status`, `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from calendar_sync.app import App
from calendar_sync.cli import Option, command
from calendar_sync.errors import CalendarSyncError, ExitCode, WrongConfiguration
from calendar_sync.grants.guard import token_file_of
from calendar_sync.home import Home
from calendar_sync.terminal import one_line

if TYPE_CHECKING:
    from calendar_sync.history import Report
    from calendar_sync.model import CalendarEntry
    from calendar_sync.stop import Stop


@command("calendars")
def calendars(app: App) -> int:
    """List the account's calendars: id, name, role, zone, exported or why not."""
    from calendar_sync.calendars import is_chosen
    from calendar_sync.commands.many import each_account
    from calendar_sync.session import account_of
    from calendar_sync.stop import Stop

    stop = Stop()
    found: list[tuple[str, CalendarEntry]] = []

    def ask(home: Home) -> int:
        if app.config.is_organisation(home):
            failed = _calendars_of_users(app, home, stop, found)
            return int(ExitCode.SOME_FAILED if failed else ExitCode.DONE)
        entries = account_of(home, app.config, app.now, stop)().calendars()
        found.extend((home.account, entry) for entry in entries)
        return int(ExitCode.DONE)

    with stop.on_signals():
        homes = app.homes
        code = ask(homes[0]) if len(homes) == 1 else each_account(app, homes, ask)
    rows = []
    for account, entry in sorted(found, key=lambda pair: (pair[0], pair[1].id)):
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
                **({"account": account} if account else {}),
            }
        )
    if app.terminal.as_json:
        app.terminal.json({"version": 1, "calendars": rows})
        return code
    several = [*(["account"] if app.config.account else [])]
    app.terminal.table(
        [*several, "id", "name", "role", "zone", "exported"],
        [
            [
                *(r[key] for key in several),
                r["id"],
                r["name"],
                r["role"],
                r["time_zone"],
                _exported(r),
            ]
            for r in rows
        ],
    )
    return code


def _calendars_of_users(
    app: App, home: Home, stop: Stop, found: list[tuple[str, CalendarEntry]]
) -> int:
    """List the calendars of every user, many at once; who cannot be asked is named, and counted."""
    from concurrent.futures import ThreadPoolExecutor

    from calendar_sync.organisation.members import list_members
    from calendar_sync.session import account_of

    def ask(user: Home) -> list[CalendarEntry] | CalendarSyncError:
        try:
            with stop.lent() as own:
                return account_of(user, app.config, app.now, own)().calendars()
        except CalendarSyncError as error:
            return error

    users = list_members(home, app.config, app.now, stop).addresses
    failed = 0
    with ThreadPoolExecutor(app.config.workers) as executor:
        answers = executor.map(ask, [home.of_user(user) for user in users])
        for user, answer in zip(users, answers, strict=True):
            stop.check()
            if isinstance(answer, CalendarSyncError):
                app.terminal.error(f"{user}: {answer.message}")
                failed += 1
            else:
                found += [(user, entry) for entry in answer]
    return failed


def _exported(row: dict[str, Any]) -> str:
    if not row["exports"]:
        return "no: no [[export]] chooses it"
    return f"yes: {', '.join(row['exports'])}" + (" (hidden in Google)" if row["hidden"] else "")


@command("status")
def status(app: App) -> int:
    """Say whether it is healthy (exit 0) or stale or failing (exit 1)."""
    from calendar_sync.commands.many import places_of
    from calendar_sync.health import status as collect
    from calendar_sync.history import last_reports

    healths = []
    collected = []
    for home in (place for each in app.homes for place in places_of(app, each)):
        token = token_file_of(home, app.config)
        reports = last_reports(home.mirror)
        found = collect(reports, home.mirror, token, app.config, app.now())
        account = app.config.account_of(home)
        if account is not None and account.service_account is not None:
            found["grant"] = dict.fromkeys(found["grant"]) | {"account": account.subject}
        if app.config.is_organisation(home):
            users = [each for each in found.pop("calendars") if each.result == "failed"]
            found |= {"calendars": [], "failed_users": users}
            found |= {"shard": str(home.shard)} if home.shard else {}
        healths.append(found["health"])
        collected.append({"account": home.account, **found})
        is_well = found["health"] == "fresh" and not found["grant"]["warning"]
        if not app.terminal.as_json and not (is_well and app.terminal.quiet):
            _print_status(app, home, reports[0], found)
    if app.terminal.as_json:
        app.terminal.json(
            {key: value for key, value in collected[0].items() if key != "account"}
            if not app.config.account
            else {"version": 1, "accounts": collected}
        )
    return int(ExitCode.DONE if set(healths) == {"fresh"} else ExitCode.SOME_FAILED)


def _print_status(app: App, home: Home, last: Report | None, found: dict[str, Any]) -> None:
    grant, users = found["grant"], found.get("failed_users")
    age = "age unknown" if grant["age_days"] is None else f"{grant['age_days']} days old"
    lines = [
        ("health", found["health"]),
        ("last success", found["last_success"] or "never"),
        ("last run", _last_run(last)),
        ("what to do", app.as_typed(_what_to_do(found["health"], last), home.account)),
        ("next due", found["next_due"] or "no schedule in calendar-sync.toml"),
        ("grant", f"{grant['account'] or 'account unknown'}, {age}" if users is None else ""),
        ("warning", app.as_typed(grant["warning"] or "", home.account)),
        ("home", home.describe().removeprefix("home ")),
    ]
    for name, text in lines:
        if text:
            app.terminal.data(f"{name:<13} {text}")
    for number, user in enumerate(users or ()):
        app.terminal.data(f"{'' if number else 'failed':<13} {user.id}: {user.error}")
    widest = max((len(one_line(c.name)) for c in found["calendars"]), default=0)
    for c in found["calendars"]:
        head = "calendars" if c is found["calendars"][0] else ""
        name = one_line(c.name).ljust(min(widest, 40))
        events = "event " if c.events == 1 else "events"
        app.terminal.data(f"{head:<13} {name}  {c.events:>5} {events}  {c.error or c.result}")


def _last_run(last: Report | None) -> str:
    if last is None:
        return "never"
    message = f": {last.message}" if last.message else ""
    return f"{last.finished_at}, exit code {last.exit_code}{message}"


def _what_to_do(health: str, last: Report | None) -> str:
    """Name the next command to type, unless all is well."""
    if health == "fresh":
        return ""
    if health == "failing" and last and last.exit_code == ExitCode.CONSENT_NEEDED:
        return "calendar-sync consent"
    return "calendar-sync doctor"


def _examinable(app: App) -> list[Home]:
    """List the accounts' homes; a configuration that cannot be read is a finding, not the end."""
    try:
        return app.homes
    except WrongConfiguration:
        return [app.whole]


@command("doctor")
@click.option("--offline", cls=Option, is_flag=True, help="Ask nobody; look at local things only.")
def doctor(app: App, offline: bool) -> int:
    """Check everything that can be checked; name the remedy for each finding."""
    from calendar_sync.doctor import examine

    checks = [
        msgspec.structs.replace(
            check,
            name=f"{home.account} {check.name}".strip(),
            remedy=app.as_typed(check.remedy, home.account),
        )
        for home in _examinable(app)
        for check in examine(home, app.now, offline=offline)
    ]
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

"""`schedule`: what makes cron or systemd run the job for this home: shown, installed, removed."""

from __future__ import annotations

import click

from calendar_sync.app import App
from calendar_sync.cli import command, global_options
from calendar_sync.schedules.crontab import DEFAULT_SCHEDULE, crontab_line, why_cron_must_ask
from calendar_sync.schedules.placing import Placing, program, shell_words

__all__ = ["crontab_line", "program", "schedule", "why_cron_must_ask"]

backend_option = click.option(
    "--backend",
    type=click.Choice(["cron", "systemd"]),
    default="cron",
    show_default=True,
    help="Who starts the job.",
)


@global_options
@click.group("schedule")
def schedule() -> None:
    """Show, install or remove what runs the job on a schedule."""


@backend_option
def _show(app: App, backend: str) -> None:
    """Print the crontab line or the systemd units for this home; nothing is installed."""
    units = _units(app) if backend == "systemd" else None
    if app.terminal.as_json:
        what = {"crontab": _line(app)} if units is None else {"units": units}
        app.terminal.json({"version": 1, **what, "next_due": _next_due(app)})
        return
    if units is None:
        app.terminal.say("Add this line with: crontab -e")
        app.terminal.data(_line(app))
    else:
        app.terminal.say("Install them with: calendar-sync schedule install --backend systemd")
        for name, text in units.items():
            app.terminal.data(f"# {name}\n{text}")
    _explain(app, backend)


@backend_option
def _install(app: App, backend: str) -> None:
    """Put the line into the crontab, or the units into this user's systemd; again changes nothing."""
    if backend == "cron":
        from calendar_sync.schedules.crontab import install_line

        changed, where = install_line(_line(app), app.whole.folder), "crontab -l"
    else:
        from calendar_sync.schedules.user_systemd import install_units

        units = _units(app)
        timer = next(name for name in units if name.endswith(".timer"))
        changed, where = install_units(units, timer), f"systemctl --user list-timers {timer}"
        app.terminal.say("To run while you are logged out, too: loginctl enable-linger")
    app.terminal.say(f"{'Installed' if changed else 'It is installed already'}; see: {where}")
    _explain(app, backend)


@backend_option
def _remove(app: App, backend: str) -> None:
    """Take away what `install` put there for this home, and nothing else."""
    if backend == "cron":
        from calendar_sync.schedules.crontab import remove_line

        changed = remove_line(app.whole.folder)
    else:
        from calendar_sync.schedules.user_systemd import remove_units

        names = list(_units(app))
        changed = remove_units(names, next(name for name in names if name.endswith(".timer")))
    app.terminal.say("Removed." if changed else f"Nothing was installed for {app.whole.folder}.")


schedule.add_command(command("show")(_show))
schedule.add_command(command("install")(_install))
schedule.add_command(command("remove")(_remove))


def _line(app: App) -> str:
    expression = app.config.schedule or DEFAULT_SCHEDULE
    reason = why_cron_must_ask(expression, app.config.timezone)
    return crontab_line(
        shell_words(program()),
        app.whole.folder,
        expression,
        if_due=bool(reason),
        dated=app.config.log_format is None,
    )


def _units(app: App) -> dict[str, str]:
    from calendar_sync.schedules.systemd import unit_name, user_units

    placing = Placing(program(), app.whole.folder, if_due=app.config.schedule is not None)
    return user_units(placing, unit_name(app.whole.folder))


def _next_due(app: App) -> str | None:
    from calendar_sync.health import schedule_zone
    from calendar_sync.schedule import next_due

    expression = app.config.schedule or DEFAULT_SCHEDULE
    due = next_due(expression, app.now(), schedule_zone(app.config))
    return due.isoformat() if due else None


def _explain(app: App, backend: str) -> None:
    """Say what is not plain to see: who keeps the schedule, and that there may be none."""
    expression = app.config.schedule or DEFAULT_SCHEDULE
    reason = why_cron_must_ask(expression, app.config.timezone)
    if backend == "cron" and reason:
        app.terminal.say(f"{reason} So cron asks every five minutes whether a run is due.")
    if app.config.schedule is None:
        app.terminal.say(
            f"There is no schedule in {app.whole.config}, so this is every 15 minutes. With one,"
            " 'status' also knows when a run is missing."
        )
    elif backend == "systemd":
        app.terminal.say("systemd asks every five minutes whether the schedule says a run is due.")

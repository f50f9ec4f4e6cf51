"""The verbs, in the order of a person's first days: the module in commands/, and what it does."""

from __future__ import annotations

COMMANDS = {
    "consent": ("grant", "Ask a person, once, in a browser; store the grant."),
    "migrate": ("grant", "Turn an old calendar.dat (or another token file) into token.json."),
    "export": ("job", "Fetch what changed and bring exports/ up to date: the job."),
    "backfill": ("backfill", "Read a past range anew from Google, one file per slice."),
    "daemon": ("job", "Run the job on a cron expression, until stopped."),
    "schedule": ("plan", "Show, install or remove what runs the job on a schedule."),
    "calendars": ("look", "List the account's calendars: id, name, role, zone, exported."),
    "status": ("look", "Say whether it is healthy (exit 0) or stale or failing (exit 1)."),
    "history": ("past", "List past runs: when, how they ended, what they found changed."),
    "changes": ("past", "List what runs found added, changed and cancelled."),
    "verify": ("check", "Read the published files back and compare them with the mirror."),
    "doctor": ("look", "Check everything that can be checked; name the remedies."),
    "report": ("page", "Write one HTML page: health, calendars, runs, a heat map of the year."),
    "notify": ("tell", "Try the ways of telling someone how runs go."),
    "revoke": ("grant", "End the grant at Google, then remove the local copy."),
    "emulator": ("local", "Run a local Google: OAuth and the Calendar API, read side."),
    "demo": ("local", "Show the whole story on a local Google, in a folder of its own."),
    "completion": ("shell", "Print what completes commands and options in bash, zsh or fish."),
    "man": ("shell", "Print the manual page, in roff."),
}

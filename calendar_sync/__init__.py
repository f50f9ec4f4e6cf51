"""calendar-sync: Google Calendar to CSV and ICS from cron, for years.

Words: a *home* holds a *grant* (what the user gave) and a *mirror* (every *resource* Google sent, and
the *sync token* that belongs to them). A *run* *fetches* what changed, brings the mirror up to date
and publishes *exports*. A *series* has *occurrences*, and *exceptions* where one was edited or
cancelled by itself.

Floor plan; imports point down only:

    cli.py, commands/     verbs.py and their options; an error becomes one message and one exit code
    app.py                what every verb is given: home, configuration, terminal
    -- what starts work
    daemon.py demo.py     the job on a cron expression; the whole story on a local Google
    organisation/         one run for the many users of a service account; engines/: who does the work
    run.py backfill/      one run: fetch -> mirror -> export -> remember; slices of the past
    options.py lock.py    what a run is asked for; one run at a time; reporting.py: what it says
    verify.py             what is published, or about to be, read back and compared
    session.py            from a home to a working connection
    unattended.py         a run as cron and the daemon start it: announced, done, told
    report_page/          one HTML page about a home
    schedules/            crontab line, systemd units and the rest of cron/, from one source
    -- the edges, one outside thing each
    home.py config.py     which folder, which files; calendar-sync.toml (config_checks.py: what types
                          cannot say of it; config_errors.py: in which line)
    grants/               the client, the grant on disk, its refresh, consent, migration, revocation
    users.py google_directory.py  an organisation's users: named by the configuration, or by Google
    google_calendar.py    calendars and pages from Google; answers.py and retrying.py judge them,
                          quota.py keeps them as few as Google allows, transport.py brings them
    reading.py intake.py  many listings at once, into one SQLite file (mirror.py, mirror_file.py,
                          schema.py); listing.py: what a page means for it; touched.py,
                          changes.py, history.py
    views.py publish.py   which files; an atomic replacement, the manifest; published.py
    zone_rules.py         which tzdata files are made with
    outbox.py remote.py   what is put elsewhere, once; a folder elsewhere, by its URL
    publishing.py         which files are stale, or begun early; made by export.py (unpublished.py: each
                          file, exporters.py: each format), merging.py (several calendars), per_uid.py
                          (a file for each UID); a few changes in large files by patching.py, which
                          copies the rest
    beside.py             a first read's events (gathering.py: of series), rendered by a second
                          process, too (rendering.py)
    formats/              SQLite and Parquet, made from the CSV's rows
    verification/         what files say and what the mirror says, without the writers' code
    telling/              pings, notices, hooks, metrics; none can harm a run
    health.py doctor.py   what can be said about all this; surroundings.py: about where it lies
    terminal.py logs.py   talk to a person; events as key=value or JSON, for a journal or a file
    mirror_account.py     whose calendars a mirror holds
    -- the pure core: no disk, network, clock, environment
    sync.py               full or incremental; what a page means; differences.py: what changed
    model.py times.py     views on a resource (resources.py reads it); Google's times; items.py: series
    durations.py          how long, in words; windows.py: from when to when
    recurrence/           a series and a window -> dates
    ics/ table/           the two formats: records.py, what of them is sorted; part.py: what a second
                          process hands over
    legacy/               foreign token files -> the grant inside
    -- the floor
    files.py errors.py    replace a file atomically (hashing.py: hashed as it is written); every
                          failure, its message and exit code
    locking.py            a lock that the kernel keeps; deferring.py: modules executed at first use
    decoding.py           types made ready before threads decode them
    sorting.py blocks.py  more than memory holds, in order; a sorted file and its index
    allocator.py          memory as a listing wants it; octets.py: a question about many texts at once
    emulator/             a local Google; imports nothing of ours, so it cannot share our bugs
"""

__version__ = "0.1.0"

"""Slices of the past, read anew from Google and written once each; resumable, by hand.

Google expands the series here (`singleEvents=true`); the sync state is not touched. job.py goes
through calendars and slices; reading.py lists one slice, comparison.py holds it against the mirror,
writing.py makes its files, ledger.py remembers that it is done, manifest.py says what is there.
"""

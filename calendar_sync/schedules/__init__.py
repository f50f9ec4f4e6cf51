"""Who starts the job: one source for cron, systemd and the rest, for a home and for the examples.

`schedule show|install|remove` render what is here for one home; the files under cron/ are the same
texts for the home of an imaginary Ada. A test keeps the two together.
"""

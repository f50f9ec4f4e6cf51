"""`python -m calendar_sync`, the same program as `calendar-sync`."""

import gc

# Starting is mostly importing, which makes many objects and no garbage; looking for it each 700
# objects costs a twelfth of a run that finds nothing to do.
gc.set_threshold(50_000, 20, 20)

from calendar_sync.cli import main  # noqa: E402

if __name__ == "__main__":
    main()

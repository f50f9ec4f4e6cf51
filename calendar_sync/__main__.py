"""`python -m calendar_sync`, the same program as `calendar-sync`."""

from calendar_sync.cli import main

if __name__ == "__main__":
    main()

"""`python -m calendar_sync`, the same program as `calendar-sync`."""

import gc
import sys

# Starting is mostly importing, which makes many objects and no garbage; looking for it each 700
# objects costs a twelfth of a run that finds nothing to do.
gc.set_threshold(50_000, 20, 20)


def main(arguments: list[str] | None = None) -> None:
    """Run the program; its version is said before anything else is loaded."""
    if (sys.argv[1:] if arguments is None else arguments) == ["--version"]:
        from calendar_sync import __version__

        print(f"calendar-sync, version {__version__}")
        return
    from calendar_sync.cli import main as run

    run(arguments)


if __name__ == "__main__":
    main()

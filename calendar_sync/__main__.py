"""`python -m calendar_sync`, the same program as `calendar-sync`."""

import gc
import os
import sys

# Starting is mostly importing, which makes many objects and no garbage; looking for it each 700
# objects costs a twelfth of a run that finds nothing to do.
gc.set_threshold(50_000, 20, 20)

# What libraries import for those who ask more of them: a fifth of `status`.
_FOR_OTHERS = ("inspect", "ipaddress", "linecache", "msgspec.inspect", "textwrap", "traceback")


def main(arguments: list[str] | None = None) -> None:
    """Run the program; what it says to everybody is said before anything else is loaded."""
    asked = sys.argv[1:] if arguments is None else arguments
    if asked == ["--version"] and _is_said(_version()):
        return
    if asked in (["--help"], ["-h"]) and _width() >= 80 and _is_said(_help()):
        return
    import resource

    from calendar_sync.deferring import absent, deferred

    # msgspec asks for typing_extensions first, and has typing's own where there is none.
    with deferred(*_FOR_OTHERS), absent("typing_extensions"):
        from calendar_sync.cli import main as run

    # Our memory holds tokens, which no core file shall. What we start inherits the limit; to be
    # "not dumpable" (prctl) would also take our own /proc entries away from us.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    run(asked)


def _version() -> str:
    from calendar_sync import __version__

    return f"calendar-sync, version {__version__}\n"


def _help() -> str:
    """Return what click makes of the commands and options; a test compares the two."""
    with open(f"{os.path.dirname(__file__)}/help.txt", encoding="ascii") as file:  # noqa: PTH120, PTH123 - pathlib is a third of all this
        return file.read()


def _width() -> int:
    """Return the width that click would fill: the variable's, the terminal's, else 80."""
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def _is_said(text: str) -> bool:
    """Print; what cannot be printed is the business of those who know how to say so."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    main()

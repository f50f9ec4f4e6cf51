"""Memory as a listing wants it: glibc guesses otherwise, unless it is told."""

from __future__ import annotations

from contextlib import suppress

# Parameters of mallopt, and what they are set to; malloc.h has their names.
_PARAMETERS = {
    -3: 1 << 20,  # M_MMAP_THRESHOLD, bytes: larger blocks are mapped and unmapped each by itself
    -1: 4 << 20,  # M_TRIM_THRESHOLD, bytes: no more than so many are kept at the end of a heap
    -8: 1,  # M_ARENA_MAX: one heap for all threads
}


def prepare_for_large_blocks() -> None:
    """Let large blocks leave no holes in the heap, and small ones be used again.

    glibc would raise the first bound after the first page (some megabytes), so that pages leave holes:
    10 MB at 100,000 events. A heap for each thread and a low second bound mean memory that the system
    clears again and again: a first read of 100,000 events meets 50,000 page faults instead of 120,000,
    which can cost two microseconds each. Elsewhere this does nothing.
    """
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _PARAMETERS.items():
            mallopt(parameter, value)

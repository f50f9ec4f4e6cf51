"""Work that the contract of the engines hands to workers: functions that other processes can find."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from calendar_sync.errors import Stopped
from calendar_sync.logs import run_id
from calendar_sync.stop import Stop

LONGEST = 60  # seconds


@dataclass(frozen=True)
class Chore:
    """A number, and a folder where workers leave signs for each other."""

    number: int
    folder: Path

    @property
    def sign(self) -> Path:
        return self.folder / f"began-{self.number}"


def double(chore: Chore, _stop: Stop) -> int:
    return chore.number * 2


def refuse_odd(chore: Chore, _stop: Stop) -> int:
    if chore.number % 2:
        raise ValueError(chore.number)
    return chore.number


def where(chore: Chore, _stop: Stop) -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


def seconds_left(chore: Chore, stop: Stop) -> float:
    return stop.remaining


def how_it_logs(chore: Chore, _stop: Stop) -> list[str]:
    """Return the lines that a worker's log makes of a fact with a secret."""
    run_id.set(f"run-{chore.number}")
    record = logging.LogRecord(
        "calendar_sync", logging.INFO, "", 0, "code=4/0AX4XfWhInventedCodeOfATest", (), None
    )
    return [handler.format(record) for handler in logging.getLogger().handlers]


def die_once(chore: Chore, _stop: Stop) -> int:
    """Number 3 kills its worker, the first time; the others take a moment, so that they are out."""
    if chore.number == 3 and not chore.sign.exists():
        chore.sign.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return chore.number * 2


def die_always(chore: Chore, _stop: Stop) -> int:
    if chore.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return chore.number * 2


def wait_for_stop(chore: Chore, stop: Stop) -> str:
    """Begin, say so, and go on until somebody asks for the end."""
    chore.sign.touch()
    try:
        stop.wait(LONGEST)
    except Stopped:
        return "stopped"
    return "never stopped"

"""What a service manager such as systemd is told of a daemon: ready, how it is, alive, stopping.

One datagram each, as sd_notify(3) describes it; nothing where nobody listens.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, MutableMapping


class ServiceManager:
    """The other end of `$NOTIFY_SOCKET`, and its watchdog's patience."""

    def __init__(
        self,
        environment: MutableMapping[str, str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # Taken away: hooks are not to speak for us.
        self._address = environment.pop("NOTIFY_SOCKET", "")
        self._monotonic = monotonic
        self._next_beat = 0.0
        patience = environment.pop("WATCHDOG_USEC", "")
        meant = environment.pop("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self.interval = int(patience) / 2e6 if meant and patience.isdecimal() else 0.0  # seconds

    def tell(self, **facts: str) -> None:
        """Send facts such as `READY="1"`. Whatever goes wrong, the job is worth more."""
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        address = self._address
        if address.startswith("@"):  # Linux's abstract names begin with a zero byte
            address = f"\0{address[1:]}"
        text = "\n".join(f"{name}={' '.join(value.split())}" for name, value in facts.items())
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.setblocking(False)  # a manager that does not read must not hold us
            sender.sendto(text.encode("utf-8", "replace"), address)

    def beat(self, *, healthy: bool) -> None:
        """Pet the watchdog when half of its patience is over, and only while we are healthy."""
        now = self._monotonic()
        if self.interval and healthy and now >= self._next_beat:
            self._next_beat = now + self.interval
            self.tell(WATCHDOG="1")

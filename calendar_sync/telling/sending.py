"""One HTTP request to whoever is to be told: short, without redirects, silent about addresses."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

LIMIT = 10.0  # seconds for everything that is said at one moment, tries and all
_TRIES = 3
_PAUSE = 1.0


class NotTold(Exception):
    """It did not arrive. The text never holds the address."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message, and what is secret in the address, to a stranger."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse; urllib raises the answer as an HTTPError then."""


def post(
    url: str, body: bytes = b"", headers: dict[str, str] | None = None, *, limit: float = LIMIT
) -> None:
    """Send one POST, again after a passing failure while there is time. Raises NotTold."""
    ends = time.monotonic() + limit
    for attempt in range(1, _TRIES + 1):
        try:
            _post_once(url, body, headers or {}, max(0.1, ends - time.monotonic()))
            return
        except _Passing as error:
            if attempt == _TRIES or time.monotonic() + _PAUSE >= ends:
                raise NotTold(str(error)) from None
            time.sleep(_PAUSE)


class _Passing(Exception):
    """May work a second later."""


def _post_once(url: str, body: bytes, headers: dict[str, str], timeout: float) -> None:
    if not url.lower().startswith(("https://", "http://")):
        raise NotTold("the address is not http:// or https://")
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
        opener = urllib.request.build_opener(_NoRedirects)
        with opener.open(request, timeout=timeout) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        answered = f"the answer was {error.code}"
        error.close()
        raise (_Passing if error.code >= 500 else NotTold)(answered) from None
    except (OSError, http.client.HTTPException) as error:
        # Only the kind: the texts of some of these repeat the address.
        reason = getattr(error, "reason", None)
        kind = type(reason if isinstance(reason, Exception) else error).__name__
        raise _Passing(f"no answer ({kind})") from None
    except (ValueError, UnicodeError):
        raise NotTold("the address cannot be read") from None


class Errand:
    """A piece of telling in a thread of its own: it is left behind when its time is over.

    A socket's timeout counts anew with every byte and does not cover the name's resolution, so only
    a thread that nobody waits for keeps the limit.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name, self._work = name, work
        self.trouble: str | None = "no answer in time"
        self._thread = threading.Thread(target=self._run, name=f"tell-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
            self.trouble = None
        except NotTold as error:
            self.trouble = str(error)
        except Exception as error:
            # A foreign text may hold an address; our own errors say what to mend.
            self.trouble = getattr(error, "message", None) or type(error).__name__

    def wait(self, ends: float) -> str | None:
        """Wait until `ends` (monotonic) at most; return what went wrong, None when it arrived."""
        self._thread.join(max(0.0, ends - time.monotonic()))
        return self.trouble

"""The emulator's own interface: what a test or a person in another process can change or ask.

`POST /_control/<action>` with a JSON object of arguments. Everything not known here goes to the
calendar half: `world.control(action, arguments)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from calendar_sync.emulator.api import ApiError
from calendar_sync.emulator.grants import TESTING_LIFETIME, Click
from calendar_sync.emulator.routes import CONTROL
from calendar_sync.emulator.wire import HttpAnswer, HttpRequest, json_answer

if TYPE_CHECKING:
    from calendar_sync.emulator.local_google import LocalGoogle

Arguments = dict[str, Any]
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def answer_control(google: LocalGoogle, request: HttpRequest) -> HttpAnswer:
    """Answer one action; wrong arguments are a 400 that says why."""
    host = request.headers.get("host", "").rpartition(":")[0]
    # A web page could post here too: it always says its Origin, and a name that was rebound to
    # 127.0.0.1 shows in Host.
    if request.method != "POST" or "origin" in request.headers or host not in _LOOPBACK:
        return json_answer(403, {"error": "POST from this machine only"})
    try:
        arguments = json.loads(request.body or b"{}")
        return json_answer(200, act(google, request.path[len(CONTROL) :], arguments))
    except ApiError as error:  # the calendar half's way to say what was wrong
        return json_answer(error.status, error.body)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        return json_answer(400, {"error": f"{type(error).__name__}: {error}"})


def act(google: LocalGoogle, action: str, arguments: Arguments) -> dict[str, Any]:
    """Do one action and say what came of it."""
    if action in ACTIONS:
        return ACTIONS[action](google, **arguments)
    return google.control_world(action, arguments)


def set_switches(switches: Any, arguments: Arguments) -> dict[str, Any]:
    """Set fields of a switches dataclass by name; return them all. Raise ValueError if unknown."""
    known = {field.name for field in fields(switches)}
    unknown = set(arguments) - known
    if unknown:
        raise ValueError(f"no switch {sorted(unknown)}; there are: {sorted(known)}")
    for name, value in arguments.items():
        setattr(switches, name, tuple(value) if isinstance(value, list) else value)
    return asdict(switches)


def _oauth(google: LocalGoogle, testing: bool | None = None, **switches: Any) -> dict[str, Any]:
    if testing is not None:
        switches["refresh_token_lifetime"] = TESTING_LIFETIME if testing else None
    return set_switches(google.oauth.switches, switches)


def _api(google: LocalGoogle, **switches: Any) -> dict[str, Any]:
    return set_switches(google.gate.switches, switches)


def _directory(google: LocalGoogle, **switches: Any) -> dict[str, Any]:
    return set_switches(google.directory.switches, switches)


def _add_fault(google: LocalGoogle, fault: str, **options: Any) -> dict[str, Any]:
    google.faults.add(fault, **options)
    return {"pending": google.faults.pending()}


def _clear_faults(google: LocalGoogle) -> dict[str, Any]:
    google.faults.clear()
    return {}


def _release(google: LocalGoogle) -> dict[str, Any]:
    google.faults.release()
    return {}


def _requests(google: LocalGoogle, to: str = "") -> dict[str, Any]:
    entries = google.requests.to(to)
    return {"count": len(entries), "requests": [entry.as_json() for entry in entries]}


def _clear_requests(google: LocalGoogle) -> dict[str, Any]:
    google.requests.clear()
    return {}


def _secrets(google: LocalGoogle) -> dict[str, Any]:
    return {"secrets": list(google.secrets_issued)}


def _advance(google: LocalGoogle, seconds: float) -> dict[str, Any]:
    return {"now": google.clock.advance(seconds).isoformat()}


def _expire(google: LocalGoogle, account: str | None = None) -> dict[str, Any]:
    return {"expired": google.oauth.expire_access_tokens(account)}


def _revoke(google: LocalGoogle, account: str | None = None) -> dict[str, Any]:
    return {"revoked": google.oauth.revoke_grants(account)}


def _grant(google: LocalGoogle, account: str, **options: Any) -> dict[str, Any]:
    return google.grant(account, **options)


def _click(google: LocalGoogle, decision: str = "allow", **rest: Any) -> dict[str, Any]:
    scopes = rest.pop("scopes", None)
    google.oauth.clicks.append(
        Click(decision, scopes=None if scopes is None else tuple(scopes), **rest)
    )
    return {"waiting": len(google.oauth.clicks)}


def _latency(google: LocalGoogle, milliseconds: float) -> dict[str, Any]:
    google.latency = milliseconds / 1000
    return {"milliseconds": milliseconds}


ACTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "oauth": _oauth,
    "api": _api,
    "directory": _directory,
    "add_fault": _add_fault,
    "clear_faults": _clear_faults,
    "release": _release,
    "requests": _requests,
    "clear_requests": _clear_requests,
    "secrets": _secrets,
    "advance": _advance,
    "expire_access_tokens": _expire,
    "revoke_grants": _revoke,
    "grant": _grant,
    "click": _click,
    "latency": _latency,
}

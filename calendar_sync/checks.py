"""One finding of `doctor`."""

from __future__ import annotations

from typing import Literal

import msgspec

Result = Literal["pass", "warn", "fail"]


class Check(msgspec.Struct, frozen=True):
    """One finding. `remedy` is the next thing to do, empty when there is nothing."""

    name: str
    result: Result
    finding: str
    remedy: str = ""

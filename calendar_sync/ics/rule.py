"""What an RRULE may be made of: no other text reaches a file, and the CSV judges by it as well."""

from __future__ import annotations

import re
from functools import lru_cache

from calendar_sync.recurrence import lines

DATE = re.compile(r"\d{8}(?:T\d{6}Z?)?", re.ASCII)
# RFC 7529's names in the only form that changes nothing; readers of RFC 5545 would refuse the rule.
_UNWRITTEN = ("RSCALE", "SKIP")


@lru_cache(maxsize=1024)
def rule_parts(text: str) -> dict[str, str] | None:
    """Return an RRULE's parts as they are to be written; None if any of it is not RFC 5545's."""
    try:
        lines.read_rule(text)
        parts = lines.rule_parts(text)
    except ValueError:
        return None
    return {name: value for name, value in parts.items() if name not in _UNWRITTEN}

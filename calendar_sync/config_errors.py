"""What is wrong with calendar-sync.toml: which key, which line, and what may stand there instead."""

from __future__ import annotations

import re
from typing import Any

from calendar_sync.errors import WrongConfiguration

_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")


def explain(problem: str, text: str, name: str, kind: type) -> WrongConfiguration:
    """Explain what msgspec, or a check of ours in its style, found wrong in a file of this kind.

    `problem` ends in the key's path: "Unknown time zone 'X' - at `$.timezone`".
    """
    match = _PATH.match(problem)
    what, path = (match["what"], match["path"] or "$") if match else (problem, "$")
    unknown = _UNKNOWN.search(what)
    if unknown:
        what = f"Unknown key {unknown[1]!r}{_near(unknown[1], _keys_at(kind, path))}"
        path = f"{path}.{unknown[1]}"
    elif what.startswith("Invalid enum value"):
        what += f"; it may be {' or '.join(map(repr, _choices_at(kind, path)))}"
    line = line_of(text, path)
    where = f"{name}, line {line}" if line else name
    return WrongConfiguration(f"{where}: {what} (key {path.removeprefix('$').lstrip('.') or '-'}).")


def _near(word: str, known: list[str]) -> str:
    import difflib  # a hundredth of a second, for those who mistype

    near = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _keys_at(kind: type, path: str) -> list[str]:
    return [field.encode_name for field in getattr(_type_at(kind, path), "fields", ())]


def _choices_at(kind: type, path: str) -> list[Any]:
    found = _type_at(kind, path)
    options = getattr(found, "types", (found,))  # of a union, or itself
    return [value for option in options for value in getattr(option, "values", ())]


def _type_at(kind: type, path: str) -> Any:
    """Walk down the types as the path does; None where it leads nowhere."""
    import msgspec.inspect

    found: Any = msgspec.inspect.type_info(kind)
    for step in _STEP.finditer(path):
        fields = {field.encode_name: field.type for field in getattr(found, "fields", ())}
        found = fields.get(step[1]) if step[1] else getattr(found, "item_type", None)
    return found


def line_of(text: str, path: str) -> int | None:
    """Find the line of a key such as `$.export[1].window`; None when it is not spelled out."""
    steps = [step[1] or int(step[2]) for step in _STEP.finditer(path)]
    keys = [step for step in steps if isinstance(step, str)]
    index = next((step for step in steps if isinstance(step, int)), 0)
    in_table = len(keys) > 1
    current, seen, header = "", -1, None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[] ")
            seen += current == (keys[0] if keys else "")
            if current == (keys[0] if keys else None) and seen == index:
                header = number
        wanted = keys[-1] if keys else None
        here = (current == keys[0] and seen == index) if in_table else current == ""
        if here and wanted and re.match(rf'"?{re.escape(str(wanted))}"?\s*=', stripped):
            return number
    return header

"""Curves on two logarithmic axes, as an SVG without anybody's help."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 270, 30, 50  # margins; the names are at the right
COLOURS = ("#b3261e", "#5f6368", "#1a5fb4", "#8f6a00", "#18794e")
Curve = Sequence[tuple[float, float]]


def draw(path: Path, curves: Mapping[str, Curve]) -> None:
    """Draw seconds against events, one curve for each name, named where it ends."""
    points = [point for curve in curves.values() for point in curve]
    x = _Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y = _Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [*_grid(x, y)]
    ends = _apart({name: y.place(curve[-1][1]) for name, curve in curves.items()})
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        line = " ".join(f"{x.place(a):.1f},{y.place(b):.1f}" for a, b in curve)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x.place(a):.1f}" cy="{y.place(b):.1f}" r="3" fill="{colour}"/>'
            for a, b in curve
        ]
        text = f"{escape(name)}: {curve[-1][1]:.3g} s"
        parts.append(_text(WIDTH - RIGHT + 10, ends[name] + 4, text, colour))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "events", anchor="middle"))
    parts.append(_text(LEFT, TOP - 12, "seconds", anchor="end"))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
    head += (
        ' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    )
    path.write_text("\n".join([head, *parts, "</svg>\n"]), encoding="utf-8")


class _Axis:
    """Decades that hold every value, and where each is."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = math.ceil(math.log10(max(values)))
        self._begin, self._step = begin, (end - begin) / (self.high - self.low)

    def place(self, value: float) -> float:
        return self._begin + (math.log10(value) - self.low) * self._step


def _grid(x: _Axis, y: _Axis) -> list[str]:
    parts = []
    for power in range(x.low, x.high + 1):
        at = x.place(10.0**power)
        parts.append(_line(at, TOP, at, HEIGHT - BOTTOM))
        parts.append(_text(at, HEIGHT - BOTTOM + 18, f"{10**power:,}", anchor="middle"))
    for power in range(y.low, y.high + 1):
        at = y.place(10.0**power)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
        parts.append(_text(LEFT - 8, at + 4, f"{10.0**power:g}", anchor="end"))
    return parts


def _apart(places: Mapping[str, float], least: float = 16) -> dict[str, float]:
    """Move names down that would be written over one another."""
    found: dict[str, float] = {}
    last = -least
    for name, place in sorted(places.items(), key=lambda item: item[1]):
        last = max(place, last + least)
        found[name] = last
    return found


def _line(*ends: float) -> str:
    a, b, c, d = (f"{end:.1f}" for end in ends)
    return f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, colour: str = "#222", anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{text}</text>'

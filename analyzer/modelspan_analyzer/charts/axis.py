"""Axes, legends and what else several charts have around their marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from modelspan_analyzer.charts.scale import Scale, number, percent, time_ticks
from modelspan_analyzer.charts.svg import Markup, character_places, element, joined, shortened

CHARACTER: Final = 7.8
"""Pixels that a character takes, about, in the larger letters that phones get."""
STATES: Final = {
    "ok": "ok",
    "warning": "warning",
    "alarm": "alarm",
    "not_compared": "not compared",
    "not_enough_data": "not enough data",
    "skipped": "skipped",
    "error": "could not be measured",
}
"""What a mark may say of itself, in words."""


def state_class(state: str) -> str:
    """The class by which a state is coloured."""
    return f"state-{state}" if state in STATES else "state-other"


def shown(value: float | None, unit: str) -> str:
    """A value with its unit: "share" is shown in per cent."""
    if unit == "share":
        return percent(value)
    return f"{number(value)} {unit}" if unit and value is not None else number(value)


def value_axis(scale: Scale, left: float, right: float, unit: str) -> Markup:
    """Horizontal lines at round values, with their names on the left."""
    found = []
    for value in scale.ticks(4):
        y = scale.at(value)
        found.append(element("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
        found.append(element("text", shown(value, unit), x=left - 8, y=y + 4, class_="tick", text_anchor="end"))
    return joined(*found)


def time_axis(scale: Scale, y: float) -> Markup:
    """Round moments in UTC under a line."""
    found = [element("line", x1=scale.start, x2=scale.end, y1=y, y2=y, class_="axis")]
    most = max(2, int((scale.end - scale.start) / 100))
    taken = float("-inf")
    for value, name in time_ticks(scale.low, scale.high, most):
        x, half = scale.at(value), len(name) * CHARACTER / 2
        if x - half < taken or x + half > scale.end - 2:
            continue
        taken = x + half + 8
        found.append(element("line", x1=x, x2=x, y1=y, y2=y + 4, class_="axis"))
        found.append(element("text", name, x=x, y=y + 17, class_="tick", text_anchor="middle"))
    found.append(element("text", "UTC", x=scale.end + 4, y=y + 17, class_="tick"))
    return joined(*found)


def legend(entries: Iterable[tuple[str, str]], left: float, y: float) -> Markup:
    """Names beside samples of their marks: pairs of a class and a name."""
    found, x = [], left
    for kind, name in entries:
        found.append(element("rect", x=x, y=y - 9, width=10, height=10, rx=2, class_=f"sample {kind}"))
        found.append(element("text", name, x=x + 15, y=y, class_="legend"))
        x += 15 + character_places(name) * CHARACTER + 16
    return joined(*found)


def label(name: str, x: float, y: float, room: float, *, anchor: str = "end", kind: str = "label") -> Markup:
    """A name as far as there is room for it; the whole of it is what a pointer reads."""
    short = shortened(name, int(room / CHARACTER))
    whole = [element("title", shortened(name, 500))] if short != name else []
    return element("text", short or " ", *whole, x=x, y=y, class_=kind, text_anchor=anchor)


def label_room(names: Sequence[str], width: float) -> float:
    """Pixels that names on the left may take: what they need, up to a third of the drawing."""
    longest = max((character_places(shortened(name, 100)) for name in names), default=0)
    return min(max(longest * CHARACTER + 20, 44.0), width / 3)

"""Values with their intervals, one under the other: groups, versions, segments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.charts.axis import STATES, label, label_room, shown, state_class
from modelspan_analyzer.charts.figure import WIDTH, Cell, Figure, drawing, nothing_to_draw
from modelspan_analyzer.charts.scale import Scale, scale
from modelspan_analyzer.charts.svg import Markup, element, shortened

_ROW: Final = 28
_TOP: Final = 26
_RIGHT: Final = 84


@dataclass(frozen=True, slots=True)
class Bar:
    """One value; None where there was too little to measure it from."""

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    state: str = "ok"
    n: int | None = None
    """Rows behind it."""


def interval_bars(
    title: str, bars: Sequence[Bar], reference: float | None = None, *, unit: str = "", width: float = WIDTH
) -> Figure:
    """Each value as a point on its interval, beside a line where the reference lies.

    Args:
        title: what is measured.
        bars: from above.
        reference: what they are compared with.
        unit: behind each value; "share" is shown in per cent.
        width: in pixels.
    """
    columns = ("name", "value", "lower", "upper", "verdict", "rows")
    if not bars:
        return nothing_to_draw(title, "There is no group to show.", columns, width)
    left = label_room([bar.name for bar in bars], width)
    edges = [edge for bar in bars for edge in (bar.value, bar.lower, bar.upper)]
    across = scale([*edges, reference], left, width - _RIGHT)
    bottom = _TOP + len(bars) * _ROW
    body = [_ruler(across, bottom, unit)]
    if reference is not None and math.isfinite(reference):
        x = across.at(reference)
        words = element("title", f"reference: {shown(reference, unit)}")
        body.append(element("line", words, x1=x, x2=x, y1=_TOP - 6, y2=bottom, class_="limit"))
        name = f"reference {shown(reference, unit)}"
        body.append(element("text", name, x=x, y=_TOP - 11, class_="tick", text_anchor="middle"))
    body += [_bar(bar, across, _TOP + (row + 0.5) * _ROW, unit, width) for row, bar in enumerate(bars)]
    known = sum(bar.value is not None for bar in bars)
    description = f"{known} of {len(bars)} have a value" + (
        f"; the line is the reference, {shown(reference, unit)}." if reference is not None else "."
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (bar.name, bar.value, bar.lower, bar.upper, STATES.get(bar.state, bar.state), bar.n) for bar in bars
    )
    return Figure(title, description, drawing(title, description, width, bottom + 24, *body), columns, rows)


def _ruler(across: Scale, bottom: float, unit: str) -> Markup:
    marks = []
    for value in across.ticks(4):
        x = across.at(value)
        marks.append(element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid"))
        marks.append(element("text", shown(value, unit), x=x, y=bottom + 16, class_="tick", text_anchor="middle"))
    return element("g", *marks)


def _bar(bar: Bar, across: Scale, y: float, unit: str, width: float) -> Markup:
    known = bar.value if bar.value is not None and math.isfinite(bar.value) else None
    state = STATES.get(bar.state, bar.state)
    rows = f", {bar.n:,} rows" if bar.n is not None else ""
    interval = bar.lower is not None and bar.upper is not None and not math.isnan(bar.lower + bar.upper)
    between = f" ({shown(bar.lower, unit)} to {shown(bar.upper, unit)})" if interval else ""
    parts = [
        element("title", f"{shortened(bar.name, 200)}: {shown(known, unit)}{between}, {state}{rows}"),
        label(bar.name, across.start - 8, y + 4, across.start - 8),
    ]
    if interval:
        assert bar.lower is not None and bar.upper is not None
        ends = across.at(bar.lower), across.at(bar.upper)
        parts.append(element("line", x1=ends[0], x2=ends[1], y1=y, y2=y, class_="interval wide"))
    if known is not None:
        parts.append(element("circle", cx=across.at(known), cy=y, r=4.5))
    said = shown(known, unit) if known is not None else state
    parts.append(element("text", shortened(said, 22), x=width - 4, y=y + 4, class_="share", text_anchor="end"))
    data = {"data_value": f"{known:.10g}" if known is not None else None, "data_state": bar.state}
    return element("g", *parts, class_=f"group {state_class(bar.state)}", **data)

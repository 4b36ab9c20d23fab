"""The spans of a trace under each other, each as long as it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.charts.axis import label, shown, state_class
from modelspan_analyzer.charts.figure import WIDE, Cell, Figure, drawing, nothing_to_draw
from modelspan_analyzer.charts.scale import Scale, scale
from modelspan_analyzer.charts.svg import Markup, element, shortened

_ROW: Final = 24
_TOP: Final = 26
_RIGHT: Final = 76
_DEEPEST: Final = 12
"""Levels that a name is moved in by; deeper ones stand under these."""


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of work within a trace."""

    name: str
    start: float
    """Milliseconds since the trace began."""
    duration: float
    """Milliseconds."""
    depth: int = 0
    """How many spans it is within."""
    service: str = ""
    state: str = "ok"
    """"ok", "alarm" for what stands out, "error" for what failed."""
    note: str = ""


def waterfall(title: str, spans: Sequence[Span], *, width: float = WIDE) -> Figure:
    """Where the time of a trace went; spans in the order given, which is that of their tree."""
    columns = ("span", "service", "starts at (ms)", "takes (ms)", "state", "note")
    if not spans:
        return nothing_to_draw(title, "The trace has no spans that are stored.", columns, width)
    left = width / 3
    ends = [span.start + span.duration for span in spans]
    across = scale([*(span.start for span in spans), *ends], left, width - _RIGHT, zero=True)
    bottom = _TOP + len(spans) * _ROW
    ruler = []
    for value in across.ticks(5):
        x = across.at(value)
        ruler.append(element("line", x1=x, x2=x, y1=_TOP, y2=bottom, class_="grid"))
        ruler.append(element("text", shown(value, "ms"), x=x, y=_TOP - 8, class_="tick", text_anchor="middle"))
    body = [_span(span, across, _TOP + row * _ROW) for row, span in enumerate(spans)]
    longest = max(spans, key=lambda span: span.duration)
    description = (
        f"{len(spans)} spans; the longest, {shortened(longest.name, 80)}, takes {shown(longest.duration, 'ms')}."
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (span.name, span.service, span.start, span.duration, span.state, span.note) for span in spans
    )
    return Figure(title, description, drawing(title, description, width, bottom + 8, *ruler, *body), columns, rows)


def _span(span: Span, across: Scale, y: float) -> Markup:
    known = [edge if edge == edge else 0.0 for edge in (span.start, span.start + span.duration)]
    ends = across.at(known[0]), across.at(known[1])
    indent = 12.0 * min(max(span.depth, 0), _DEEPEST)
    whole = f"{span.name} · {span.service}" if span.service else span.name
    words = (
        f"{shortened(whole, 300)}: {shown(span.duration, 'ms')}{f', {shortened(span.note, 300)}' if span.note else ''}"
    )
    parts = [
        element("title", words),
        label(whole, 4 + indent, y + 15, across.start - indent - 12, anchor="start"),
        element("rect", x=ends[0], y=y + 5, width=max(ends[1] - ends[0], 1.5), height=13, rx=2, class_="bar"),
        element("text", shown(span.duration, "ms"), x=ends[1] + 5, y=y + 15, class_="share"),
    ]
    data = {"data_duration": f"{span.duration:.10g}", "data_state": span.state}
    return element("g", *parts, class_=f"span {state_class(span.state)}", **data)

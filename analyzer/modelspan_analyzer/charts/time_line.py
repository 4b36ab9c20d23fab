"""A value over time: with its interval, the band in which it is usual, what was found, and what happened meanwhile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts.axis import CHARACTER, STATES, legend, shown, state_class, time_axis, value_axis
from modelspan_analyzer.charts.figure import WIDTH, Cell, Figure, drawing, nothing_to_draw
from modelspan_analyzer.charts.scale import Scale, moment, scale, seconds, time_scale
from modelspan_analyzer.charts.svg import Markup, character_places, element, joined, shortened

_LEFT: Final = 76
_RIGHT: Final = 34
_TOP: Final = 56
_PLOT: Final = 160
_BOTTOM: Final = 28
_UNKNOWN: Final = frozenset({"not_enough_data", "not_compared", "skipped", "error"})
"""States that a line is drawn through lightly: nothing was judged there."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one moment: no value where there was too little to measure it from."""

    at: datetime
    value: float | None
    state: str = "ok"
    """A verdict: one of `axis.STATES`."""
    lower: float | None = None
    upper: float | None = None
    note: str = ""
    """Why, for who points at it."""
    start: datetime | None = None
    """Of the stretch of time that ends at the moment, where it is known: what begins later than that of the point
    before ended has a gap before it."""

    @property
    def known(self) -> float | None:
        """The value, where it can be drawn."""
        return self.value if self.value is not None and math.isfinite(self.value) else None


@dataclass(frozen=True, slots=True)
class Band:
    """Where a value is usual, for a stretch of time or for all of it; open on a side that is None or not a number."""

    lower: float | None = None
    upper: float | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a deployment, an incident."""

    at: datetime
    name: str
    kind: str = "deployment"
    """"deployment" or "incident"."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Where times and values lie in a drawing."""

    time: Scale
    value: Scale
    bottom: float

    def place(self, point: Point) -> tuple[float, float] | None:
        """Of a point; None where it has no value."""
        value = point.known
        return None if value is None else (self.time.at(seconds(point.at)), self.value.at(value))


def time_line(
    title: str,
    points: Sequence[Point],
    band: Sequence[Band] = (),
    marks: Sequence[Mark] = (),
    unit: str = "",
    *,
    width: float = WIDTH,
) -> Figure:
    """A line over time; a moment without a value is a gap in it, and is marked as what it is on the axis.

    Args:
        title: what is measured.
        points: in order of time.
        band: where its value is usual: what lies between is shaded.
        marks: what happened meanwhile.
        unit: behind each value; "share" is shown in per cent.
        width: in pixels.
    """
    columns = ("time", "value", "lower", "upper", "verdict", "note")
    if not points:
        return nothing_to_draw(title, "Nothing has been measured yet.", columns, width)
    ordered = sorted(points, key=lambda point: seconds(point.at))
    place = _plot([ordered], band, marks, width)
    right = width - _RIGHT
    body = [
        value_axis(place.value, _LEFT, right, unit) if band or _known(ordered) else Markup(),
        *(_band(place, each) for each in band),
        *_marks(place, marks),
        _line(place, ordered, "line current"),
        *(_point(place, each, unit) for each in ordered),
        time_axis(place.time, place.bottom),
        legend(_kinds(ordered, band), _LEFT, 14),
    ]
    description = _description(ordered, unit)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (each.at, each.value, each.lower, each.upper, STATES.get(each.state, each.state), each.note) for each in ordered
    )
    whole = drawing(title, description, width, place.bottom + _BOTTOM, *body)
    return Figure(title, description, whole, columns, rows)


def two_lines(
    title: str,
    first: Sequence[Point],
    second: Sequence[Point],
    shares: Sequence[float | None] = (),
    *,
    names: tuple[str, str, str] = ("realised", "estimated", "share of labels"),
    marks: Sequence[Mark] = (),
    unit: str = "",
    width: float = WIDTH,
) -> Figure:
    """Two values over the same time, such as a measure that labels confirm and its estimate from scores.

    `shares`: of each point of the first line, what part of it is known, as bars from the axis; None where unknown.
    """
    columns = ("time", "line", "value", "lower", "upper", "verdict", names[2])
    if not first and not second:
        return nothing_to_draw(title, "Nothing has been measured yet.", columns, width)
    place = _plot([first, second], (), marks, width)
    covered = list(zip(first, shares, strict=False))
    body = [value_axis(place.value, _LEFT, width - _RIGHT, unit)]
    body += [_share(place, point, share) for point, share in covered if share is not None]
    body += _marks(place, marks)
    for line, kind in ((first, "line current"), (second, "line second")):
        body.append(_line(place, line, kind))
        body += [_point(place, each, unit, kind.removeprefix("line ")) for each in line]
    kinds = [("current", names[0]), ("second", names[1]), *([("share-bar", names[2])] if covered else [])]
    body += [time_axis(place.time, place.bottom), legend(kinds, _LEFT, 14)]
    ends = [f"{name}: {_description(line, unit)}" for name, line in zip(names, (first, second), strict=False)]
    description = " ".join(ends)
    known = dict(enumerate(shares))
    rows: list[tuple[Cell, ...]] = [
        (each.at, name, each.value, each.lower, each.upper, STATES.get(each.state, each.state), share)
        for name, line, covering in ((names[0], first, known), (names[1], second, {}))
        for each, share in ((point, covering.get(row)) for row, point in enumerate(line))
    ]
    whole = drawing(title, description, width, place.bottom + _BOTTOM, *body)
    return Figure(title, description, whole, columns, tuple(rows))


def _plot(lines: Sequence[Sequence[Point]], band: Sequence[Band], marks: Sequence[Mark], width: float) -> Plot:
    """Scales that hold every point, its interval, the band's edges, and what happened between the points."""
    every = [point for line in lines for point in line]
    values = [edge for point in every for edge in (point.known, point.lower, point.upper)]
    values += [edge for each in band for edge in (each.lower, each.upper)]
    moments = [point.at for point in every]
    moments += [mark.at for mark in marks]
    return Plot(time_scale(moments, _LEFT, width - _RIGHT), scale(values, _TOP + _PLOT, _TOP), _TOP + _PLOT + 8)


def _line(place: Plot, points: Sequence[Point], kind: str) -> Markup:
    """One path; it begins anew after each moment without a value, and after each time that was not measured."""
    steps: list[str] = []
    before: Point | None = None
    for point in points:
        at = place.place(point)
        if at is not None:
            steps.append(f"{'L' if before and not _apart(before, point) else 'M'}{at[0]:.1f} {at[1]:.1f}")
        before = point if at is not None else None
    return element("path", d="".join(steps), class_=kind) if steps else Markup()


def _apart(before: Point, point: Point) -> bool:
    """Whether more than half of a point's own stretch of time lies unmeasured before it."""
    if point.start is None:
        return False
    begin = seconds(point.start)
    return begin - seconds(before.at) > (seconds(point.at) - begin) / 2


def _point(place: Plot, point: Point, unit: str, kind: str = "") -> Markup:
    """A disc, a diamond for an alarm, a triangle for a warning; a cross on the axis where there is no value."""
    at = place.place(point)
    words = f"{moment(point.at)}: {shown(point.known, unit)}, {STATES.get(point.state, point.state)}"
    inside = [element("title", f"{words}{f': {shortened(point.note, 300)}' if point.note else ''}")]
    if at is None:
        x, y = place.time.at(seconds(point.at)), place.bottom - 5
        inside.append(element("path", d=f"M{x - 3:.1f} {y - 3}l6 6m0 -6l-6 6", class_="no-value"))
    else:
        inside += [*_interval(place, point, at[0]), _shape(point.state, *at)]
    data = {"data_value": f"{point.known:.10g}" if point.known is not None else None, "data_state": point.state}
    return element("g", *inside, class_=f"point {state_class(point.state)} {kind}".rstrip(), **data)


def _interval(place: Plot, point: Point, x: float) -> Iterator[Markup]:
    if point.lower is not None and point.upper is not None and not math.isnan(point.lower + point.upper):
        ends = place.value.at(point.lower), place.value.at(point.upper)
        yield element("line", x1=x, x2=x, y1=ends[0], y2=ends[1], class_="interval")


def _shape(state: str, x: float, y: float) -> Markup:
    if state == "alarm":
        return element("path", d=f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z")
    if state == "warning":
        return element("path", d=f"M{x:.1f} {y - 5:.1f}l5 9h-10z")
    return element("circle", cx=x, cy=y, r=3.5 if state in _UNKNOWN else 3)


def _band(place: Plot, band: Band) -> Markup:
    """Shaded to the edge of the drawing where it is open; its edges are lines."""
    start = place.time.at(seconds(band.start)) if band.start else place.time.start
    end = place.time.at(seconds(band.end)) if band.end else place.time.end
    edges = [edge if edge is not None and not math.isnan(edge) else None for edge in (band.upper, band.lower)]
    high = place.value.at(edges[0]) if edges[0] is not None else place.value.end
    low = place.value.at(edges[1]) if edges[1] is not None else place.value.start
    parts = [element("rect", x=start, y=high, width=max(end - start, 0.0), height=max(low - high, 0.0), class_="band")]
    parts += [
        element("line", x1=start, x2=end, y1=y, y2=y, class_="limit")
        for y, edge in zip((high, low), edges, strict=True)
        if edge is not None
    ]
    return joined(*parts)


def _marks(place: Plot, marks: Sequence[Mark]) -> Iterator[Markup]:
    """Lines with their names above, deployments over incidents; a name that another one is in the way of stays away."""
    taken: dict[str, float] = {}
    for mark in sorted(marks, key=lambda each: seconds(each.at)):
        kind = mark.kind if mark.kind in ("deployment", "incident") else "other"
        x, name = place.time.at(seconds(mark.at)), shortened(mark.name, 24)
        begin = min(x + 4, place.time.end + _RIGHT - character_places(name) * CHARACTER)
        whole = [
            element("title", f"{moment(mark.at)}: {shortened(mark.name, 300)}"),
            element("line", x1=x, x2=x, y1=28, y2=place.bottom, class_="mark-line"),
        ]
        if begin > taken.get(kind, 0.0):
            taken[kind] = begin + character_places(name) * CHARACTER
            whole.append(element("text", name, x=begin, y=48 if kind == "incident" else 34, class_="mark-name"))
        yield element("g", *whole, class_=f"mark {kind}")


def _share(place: Plot, point: Point, share: float) -> Markup:
    height = min(max(share, 0.0), 1.0) * 24 if math.isfinite(share) else 0.0
    words = element("title", f"{moment(point.at)}: {shown(share, 'share')}")
    x = place.time.at(seconds(point.at)) - 3
    return element(
        "rect",
        words,
        x=x,
        y=place.bottom - height,
        width=6,
        height=height,
        class_="share-bar",
        data_share=f"{share:.6g}",
    )


def _kinds(points: Sequence[Point], band: Sequence[Band]) -> Iterator[tuple[str, str]]:
    """What the legend explains: the states that are there."""
    there = {point.state for point in points}
    yield from ((f"{state_class(state)} sample-state", name) for state, name in STATES.items() if state in there)
    if band:
        yield "band", "usual"


def _known(points: Sequence[Point]) -> list[Point]:
    """Those that have a value."""
    return [point for point in points if point.known is not None]


def _description(points: Sequence[Point], unit: str) -> str:
    known = _known(points)
    if not known:
        return f"{len(points)} moments, none of them with a value."
    values = [point.known for point in known if point.known is not None]
    missing = len(points) - len(known)
    alarms = sum(point.state == "alarm" for point in points)
    sentence = f"{len(known)} values from {shown(min(values), unit)} to {shown(max(values), unit)}"
    sentence += f", the last {shown(known[-1].value, unit)} at {moment(known[-1].at)}"
    return sentence + (f"; {alarms} alarms" if alarms else "") + (f"; {missing} without a value." if missing else ".")

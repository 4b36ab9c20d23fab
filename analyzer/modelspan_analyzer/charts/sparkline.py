"""The last values of something, small enough to stand in a line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from modelspan_analyzer.charts.figure import Figure
from modelspan_analyzer.charts.scale import number, scale
from modelspan_analyzer.charts.svg import element


def sparkline(values: Sequence[float | None], title: str = "the last values") -> Figure:
    """A line without axes; a gap where there is no value, a dot at the end."""
    known = [None if value is None or not math.isfinite(value) else value for value in values]
    up = scale(known, 21, 3)
    step = 92 / max(len(known) - 1, 1)
    steps, on, last = [], False, None
    for place, value in enumerate(known):
        if value is not None:
            last = 4 + place * step, up.at(value)
            steps.append(f"{'L' if on else 'M'}{last[0]:.1f} {last[1]:.1f}")
        on = value is not None
    marks = [element("path", d="".join(steps), class_="line current")] if steps else []
    marks += [element("circle", cx=last[0], cy=last[1], r=2.5, class_="last")] if last else []
    there = [value for value in known if value is not None]
    words = f"{len(there)} values, the last {number(there[-1])}" if there else "no values"
    svg = element(
        "svg",
        element("title", f"{title}: {words}"),
        *marks,
        class_="mini",
        role="img",
        viewBox="0 0 100 24",
        width=100,
        height=24,
    )
    return Figure(title, words, svg, ("place", "value"), tuple(enumerate(values)))

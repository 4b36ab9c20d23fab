"""A distribution over time: one column a moment, one row a bin, the darker the larger its share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from modelspan_analyzer.charts.axis import label, label_room
from modelspan_analyzer.charts.figure import WIDTH, Cell, Figure, drawing, nothing_to_draw
from modelspan_analyzer.charts.scale import moment, percent, seconds, time_ticks
from modelspan_analyzer.charts.svg import Markup, element, shortened

_ROW: Final = 18
_TOP: Final = 10
_RIGHT: Final = 34
_SHADES: Final = 9


def heat_strip(
    title: str,
    times: Sequence[datetime],
    bins: Sequence[str],
    shares: Sequence[Sequence[float] | None],
    *,
    width: float = WIDTH,
) -> Figure:
    """How a distribution moves: shares of shape (times, bins), None for a moment without rows.

    Moments stand side by side in their order, each as wide as any other; one without rows is crossed out.
    """
    columns = ("time", *bins)
    if not times or not bins:
        return nothing_to_draw(title, "Nothing has been measured yet.", columns, width)
    left = label_room(list(bins), width)
    cell = (width - left - _RIGHT) / len(times)
    known = [share for row in shares if row is not None for share in row if math.isfinite(share)]
    most = max(known, default=0.0) or 1.0
    bottom = _TOP + len(bins) * _ROW
    body = [label(name, left - 8, _TOP + row * _ROW + 13, left - 8) for row, name in enumerate(bins)]
    body += [
        _moment(at, bins, row, left + place * cell, cell, most)
        for place, (at, row) in enumerate(zip(times, shares, strict=True))
    ]
    body += _names(times, left, cell, bottom)
    empty = sum(row is None for row in shares)
    description = f"Share of rows in each of {len(bins)} bins at {len(times)} moments, up to {percent(most)}"
    description += f"; {empty} moments without rows are crossed out." if empty else "."
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (at, *(row if row is not None else [None] * len(bins))) for at, row in zip(times, shares, strict=True)
    )
    return Figure(title, description, drawing(title, description, width, bottom + 24, *body), columns, rows)


def _moment(
    at: datetime, bins: Sequence[str], shares: Sequence[float] | None, x: float, width: float, most: float
) -> Markup:
    height = len(bins) * _ROW
    if shares is None:
        arm = min(width / 2, 4.0)
        cross = f"M{x + width / 2 - arm:.1f} {_TOP + height / 2 - arm:.1f}l{2 * arm:.1f} {2 * arm:.1f}"
        cross += f"m0 -{2 * arm:.1f}l-{2 * arm:.1f} {2 * arm:.1f}"
        ground = element("rect", x=x, y=_TOP, width=width, height=height, class_="no-rows")
        named = element("title", f"{moment(at)}: no rows")
        return element("g", named, ground, element("path", d=cross, class_="no-value"), class_="moment empty")
    known = [share if math.isfinite(share) and share > 0 else 0.0 for share in shares]
    largest = max(range(len(known)), key=known.__getitem__)
    words = f"{moment(at)}: most in {shortened(bins[largest], 100)} ({percent(known[largest])})"
    cells = [
        element(
            "rect",
            x=x,
            y=_TOP + row * _ROW,
            width=max(width - (0.5 if width > 4 else 0.0), 0.5),
            height=_ROW - 0.5,
            class_=f"cell heat-{math.ceil(share / most * _SHADES)}",
            data_share=f"{share:.4g}",
        )
        for row, share in enumerate(known)
    ]
    return element("g", element("title", words), *cells, class_="moment")


def _names(times: Sequence[datetime], left: float, cell: float, bottom: float) -> list[Markup]:
    """The axis' round moments under the columns that hold them."""
    places = [seconds(at) for at in times]
    named = [
        (next(place for place, at in enumerate(places) if at >= moment_), name)
        for moment_, name in time_ticks(places[0], places[-1], 5)
    ]
    return [
        element("text", name, x=left + place * cell, y=bottom + 16, class_="tick", text_anchor="middle")
        for place, name in named
    ]

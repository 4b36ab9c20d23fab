"""Two distributions over the same bins, side by side."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final

from modelspan_analyzer.charts.axis import label, label_room, legend
from modelspan_analyzer.charts.figure import WIDTH, Figure, drawing, nothing_to_draw
from modelspan_analyzer.charts.scale import percent
from modelspan_analyzer.charts.svg import Markup, element, joined, shortened

_BIN: Final = 26
_BAR: Final = 8
_TOP: Final = 32
_RIGHT: Final = 156
"""Room for `100.0% → 100.0% ▲` behind the longest bar, in the larger letters that phones get."""


def histogram_pair(
    title: str,
    labels: Sequence[str],
    reference: Sequence[float],
    current: Sequence[float],
    moved: Collection[int] = (),
    *,
    names: tuple[str, str] = ("reference", "current"),
    width: float = WIDTH,
) -> Figure:
    """Shares of each bin before and now, as two bars; the bins that moved are marked, and say by how much.

    Args:
        title: what is distributed.
        labels: of the bins, which are those that a verdict used.
        reference: counts, or shares, of each bin; what is not finite counts as nothing.
        current: the same of what is compared with it.
        moved: places of the bins to mark.
        names: of the two sides.
        width: in pixels.

    Bins that hold nothing on either side are not drawn; the description counts them.
    """
    before, now = _shares(reference), _shares(current)
    drawn = [place for place in range(len(labels)) if before[place] or now[place]]
    columns = ("bin", names[0], names[1], "moved")
    if not drawn:
        return nothing_to_draw(title, "There is no value on either side.", columns, width)
    left = label_room([labels[place] for place in drawn], width)
    widest = max(max(before[place], now[place]) for place in drawn)
    pixels = (width - left - _RIGHT) / widest
    bins = [
        _bin(labels[place], before[place], now[place], place in moved, _TOP + row * _BIN, left, pixels, names)
        for row, place in enumerate(drawn)
    ]
    rows = tuple((labels[place], before[place], now[place], "yes" if place in moved else "") for place in drawn)
    kinds = [("reference", names[0]), ("current", names[1])]
    kinds += [("moved", f"{names[1]}, moved most")] if any(place in moved for place in drawn) else []
    description = _description(labels, before, now, [place for place in drawn if place in moved], names)
    if empty := len(labels) - len(drawn):
        description += f" {empty} bins that hold nothing on either side are not drawn."
    height = _TOP + len(drawn) * _BIN + 4
    return Figure(
        title,
        description,
        drawing(title, description, width, height, legend(kinds, left, 14), *bins),
        columns,
        rows,
    )


def moved_most(reference: Sequence[float], current: Sequence[float]) -> list[int]:
    """The bins to mark: the three whose shares moved most, by a hundredth at least, the most first.

    >>> moved_most([0.5, 0.3, 0.2], [0.2, 0.305, 0.495])
    [0, 2]
    """
    moves = [abs(now - before) for before, now in zip(_shares(reference), _shares(current), strict=True)]
    return sorted((place for place in range(len(moves)) if moves[place] >= 0.01), key=lambda place: -moves[place])[:3]


def _bin(
    name: str,
    before: float,
    now: float,
    moved: bool,
    y: float,
    left: float,
    pixels: float,
    names: tuple[str, str],
) -> Markup:
    side = "moved" if moved else "current"
    words = f"{shortened(name, 200)}: {names[0]} {percent(before)}, {names[1]} {percent(now)}"
    end = left + max(before, now) * pixels + 6
    shares = f"{percent(before)} → {percent(now)}{(' ▲' if now > before else ' ▼') if moved else ''}"
    parts = [
        element("title", words),
        label(name, left - 8, y + 13, left - 8, kind="label"),
        element("rect", x=left, y=y, width=before * pixels, height=_BAR, class_="bar reference"),
        element("rect", x=left, y=y + _BAR + 1, width=now * pixels, height=_BAR, class_=f"bar {side}"),
        element("text", shares, x=end, y=y + 13, class_="moved-share" if moved else "share"),
    ]
    data = {"data_reference": f"{before:.6g}", "data_current": f"{now:.6g}"}
    return element("g", *parts, class_="bin moved" if moved else "bin", **data)


def _shares(counts: Sequence[float]) -> list[float]:
    """Counts as shares of the whole; divided by the largest first, since a sum of large ones overflows."""
    known = [float(each) if math.isfinite(each) and each > 0 else 0.0 for each in counts]
    largest = max(known, default=0.0)
    if not largest:
        return known
    scaled = [each / largest for each in known]
    return [each / sum(scaled) for each in scaled]


def _description(
    labels: Sequence[str], before: Sequence[float], now: Sequence[float], moved: Sequence[int], names: tuple[str, str]
) -> str:
    sentence = f"Share of rows in each bin: {names[0]} beside {names[1]}."
    if not moved:
        return sentence
    most = max(moved, key=lambda place: abs(now[place] - before[place]))
    where = f"{shortened(labels[most], 80)}, from {percent(before[most])} to {percent(now[most])}"
    return f"{sentence} Moved most: {where}."


def mini_pair(reference: Sequence[float], current: Sequence[float], title: str) -> Markup:
    """The same as two outlines, small enough for a row of a table."""
    before, now = _shares(reference), _shares(current)
    most = max([*before, *now], default=0.0) or 1.0
    step = 88 / max(len(before), 1)
    outlines = [
        element("path", d=_outline(side, step, 22 / most), class_=f"outline {kind}")
        for side, kind in ((before, "reference"), (now, "current"))
    ]
    whole = joined(element("title", title), *outlines)
    return element("svg", whole, class_="mini", role="img", viewBox="0 0 90 24", width=90, height=24)


def _outline(shares: Sequence[float], step: float, pixels: float) -> str:
    steps = [f"V{23 - share * pixels:.1f}h{step:.1f}" for share in shares]
    return f"M1 23{''.join(steps)}V23"

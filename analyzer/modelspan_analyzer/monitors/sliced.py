"""What a monitor leaves out of the configured slices: said in one way by every monitor that takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading.segments import MOST_SLICES
from modelspan_analyzer.results import Result, Verdict
from modelspan_collector.store.segments import SLICE

LEFT_OUT: Final = "slice"
"""The metric of these results, which says of how many rows that they are in no slice; the key stands as segment."""


class Among(NamedTuple):
    """Which rows slices are made of, and how many of them each needs."""

    rows: int
    least: int
    setting: str
    """By which `least` is given."""
    what: str = "rows"


def left_out(context: MonitorContext, signal: str, monitor: str = "") -> Iterator[Result]:
    """Of a monitor that looks at the slices of the context: which fail, and how many rows are in none."""
    yield from failed(context, signal, monitor)
    among = Among(context.current.rows, context.slices.least, "data_drift.min_rows")
    for key, taken in context.slices.sizes.items():
        yield from in_none(context, signal, key, taken.values(), among, monitor=monitor)


def failed(context: MonitorContext, signal: str, monitor: str = "") -> Iterator[Result]:
    """An error for each slice whose expression the engine cannot compute."""
    for key, why in context.no_slices.items():
        yield context.result(signal, LEFT_OUT, None, Verdict.ERROR, segment=key, reason=why, monitor=monitor)


def in_none(
    context: MonitorContext,
    signal: str,
    key: str,
    taken: Collection[int],
    among: Among,
    *,
    feature: str = "",
    monitor: str = "",
) -> Iterator[Result]:
    """How many rows are in no slice of a key that is looked at, and why; nothing where each row is in one.

    Args:
        context: the window.
        signal: which looks at slices.
        key: of the slices, such as `tag.country`.
        taken: how many rows each slice has that is looked at.
        among: which rows they are of.
        feature: which of a signal's own measurements, where these look at different slices.
        monitor: which says so, where it is not that of the signal's name.
    """
    rest, by_expression = among.rows - sum(taken), key.startswith(f"{SLICE}.")
    if rest <= 0 < among.rows or (taken and by_expression):  # the rest is what the expression leaves out
        return
    least = f"{among.least} (`{among.setting}`)"
    if not among.rows:
        reason = "no prediction in the window"
    elif by_expression:
        reason = f"fewer than {least} of {among.rows} {among.what} are in it"
    else:
        reason = (
            f"{rest} of {among.rows} {among.what} are in no slice: they have no {key}, or one with fewer than {least}, "
            f"or none of the {MOST_SLICES} most frequent"
        )
    verdict = Verdict.SKIPPED if taken else Verdict.NOT_ENOUGH_DATA
    yield context.result(
        signal, LEFT_OUT, None, verdict, feature=feature, segment=key, n=among.rows, reason=reason, monitor=monitor
    )

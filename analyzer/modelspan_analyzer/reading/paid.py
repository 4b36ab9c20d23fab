"""What calls cost by themselves: by an expression over what is stored of each, those that failed too."""

from __future__ import annotations

from typing import Final, NamedTuple

from modelspan_analyzer.reading.rows import Rows, with_outcomes
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store
from modelspan_collector.store.expression import Compiled

_NUMBER: Final = "ifNull(accurateCastOrNull(({cost}), 'Float64'), nan)"
_MEAN: Final = """
SELECT countIf(isFinite(paid)) AS known, avgIf(paid, isFinite(paid)) AS mean FROM (SELECT {paid} AS paid FROM ({calls}))
"""


class Paid(NamedTuple):
    """The mean of the calls of which the cost is known."""

    known: int
    mean: float
    """NaN where it is known of none."""


def number_of(cost: Compiled) -> str:
    """SQL: what a row cost; NaN where that is not known."""
    return _NUMBER.format(cost=cost.sql)


def mean_cost(store: Store, model: str, window: Window, cost: Compiled) -> Paid:
    """What the calls of all versions of a model cost in the mean."""
    calls = Rows(f"SELECT * FROM predictions WHERE {within()}", bound(model, None, window))
    calls = with_outcomes(calls) if cost.outcomes else calls
    (found,) = store.rows(_MEAN.format(paid=number_of(cost), calls=calls.sql), calls.parameters)
    return Paid(int(found["known"]), float(found["mean"]))

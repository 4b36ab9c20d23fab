"""Whether windows have come to rest, and what tells all that is measured of them from what it was before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.reading.window import WHOSE, bound, whose, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_REST: Final = 60
"""Seconds after the newest row of a window came: until then its sketches may be on their way."""
_ROWS: Final = f"""
SELECT count() AS rows, toString(max(received_at)) AS newest,
       max(received_at) > now() - INTERVAL {_REST} SECOND AS restless
FROM predictions WHERE {within()}
"""
_RESULTS: Final = f"""
SELECT concat(toString(count()), ' ', toString(max(computed_at))) FROM monitor_results WHERE {WHOSE}
"""
_OTHERS: Final = ("labels", "models", "attributions", "baselines", "reference_predictions", "reference_profiles")
_SPREAD: Final = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine = 'Distributed'"
_PARTS: Final = f"""
SELECT ({_SPREAD}) AS spread,
       groupBitXor(cityHash64(table, name, hash_of_all_files)) AS parts
FROM system.parts WHERE active AND database = currentDatabase() AND table IN {{tables:Array(String)}}
"""


def stamp_of(store: Store, model: str, version: str, sides: Iterable[tuple[str | None, Window]]) -> str:
    """Equal while nothing is written of what a comparison of a version reads; '' where that cannot be told.

    Args:
        store: the store.
        model: whose predictions are compared.
        version: whose earlier results count.
        sides: versions and windows whose rows are read.
    """
    (others,) = store.rows(_PARTS, {"tables": list(_OTHERS)})
    if others["spread"]:
        return ""
    told = [str(others["parts"]), str(store.scalar(_RESULTS, whose(model, version)))]
    for of, window in sides:
        (rows,) = store.rows(_ROWS, bound(model, of, window))
        if rows["restless"]:
            return ""
        told.append(f"{rows['rows']} {rows['newest']}")
    return "; ".join(told)


@dataclass(frozen=True, slots=True)
class OfResults:
    """The results of a model, with what tells them from what they were before."""

    stamp: str
    """Equal while none is written; '' where that cannot be told."""


def results_of(store: Store, model: str) -> OfResults:
    """The results of a model as they stand before they are read: of what comes in between the next stamp tells.

    Replicas of a table that is spread over shards may have different ones: there it cannot be told.
    """
    spread = store.scalar(_SPREAD)
    return OfResults("" if spread else f"{model} {store.scalar(_RESULTS, whose(model, None))}")

"""Whether windows have come to rest, and what tells all that is measured of them from what it was before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_REST: Final = 60
"""Seconds after the newest row of a window came: until then its sketches may be on their way."""
_ROWS: Final = f"""
SELECT count() AS rows, toString(max(received_at)) AS newest,
       max(received_at) > now() - INTERVAL {_REST} SECOND AS restless
FROM predictions WHERE {within()}
"""
_RESULTS: Final = """
SELECT concat(toString(count()), ' ', toString(max(computed_at))) FROM monitor_results
WHERE model = {model:String} AND version = {version:String}
"""
_OF_MODEL: Final = """
SELECT concat(toString(count()), ' ', toString(max(computed_at))) FROM monitor_results WHERE model = {model:String}
"""
_OTHERS: Final = ("labels", "models", "attributions", "baselines", "reference_predictions")
_PARTS: Final = """
SELECT (SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine = 'Distributed') AS spread,
       groupBitXor(cityHash64(table, name, hash_of_all_files)) AS parts
FROM system.parts WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
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
    told = [str(others["parts"]), str(store.scalar(_RESULTS, {"model": model, "version": version}))]
    for of, window in sides:
        (rows,) = store.rows(_ROWS, bound(model, of, window))
        if rows["restless"]:
            return ""
        told.append(f"{rows['rows']} {rows['newest']}")
    return "; ".join(told)


def stamp_of_results(store: Store, model: str) -> str:
    """Equal while no result of a model is written.

    It is asked for before the results are read: of what comes in between the next stamp tells.
    """
    return str(store.scalar(_OF_MODEL, {"model": model}))

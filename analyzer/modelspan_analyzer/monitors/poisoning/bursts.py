"""Rows that nearly repeat each other within a short stretch of time, counted in the store over the whole window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelspan_analyzer.config.sample_settings import PoisoningSettings
from modelspan_analyzer.reading.profiles.profile import Relation
from modelspan_analyzer.reading.samples.thinned import rows_in, thinned
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

STRETCHES = 100
"""Stretches of time that a window is cut into; more where each would hold more rows than the baseline can show."""
MOST_ROWS = 100_000
"""Of a window with more rows only some stretches are read, each of them whole."""
BASELINE_ROWS = 20_000

_STRETCH = "intDiv(toUnixTimestamp64Nano(timestamp) - {origin:Int64}, {width:Int64})"
_GROUP = "cityHash64(prediction_id, 1) % {groups:UInt64}"
# Near rows fall in one cell of a grid, or of the same grid moved by half a cell. Sums
# of hashes do not depend on the order of a map's keys; a feature that the baseline does not have is in one cell always.
_SIZES = """
SELECT count() AS n, countIf(size >= {{least:UInt64}}) AS repeated, max(size) AS largest,
       groupArrayIf({{examples:UInt64}})(prediction_id, size >= {{least:UInt64}}) AS ids
FROM (
    SELECT prediction_id,
           greatest(count() OVER (PARTITION BY part, one), count() OVER (PARTITION BY part, other)) AS size
    FROM (
        WITH mapKeys(numeric_features) AS names,
             arrayMap((name, x) -> x / transform(name, {{names:Array(String)}}, {{cells:Array(Float64)}}, inf),
                      names, mapValues(numeric_features)) AS places,
             arraySum(arrayMap((name, text) -> cityHash64(name, text), mapKeys(categorical_features),
                               mapValues(categorical_features))) AS texts
        SELECT prediction_id, {part} AS part,
               texts + arraySum(arrayMap((name, x) -> cityHash64(name, floor(x) + 0.), names, places)) AS one,
               texts + arraySum(arrayMap((name, x) -> cityHash64(name, floor(x + 0.5) + 0.), names, places)) AS other
        FROM {table} WHERE {condition}
    )
)
"""


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many rows are among at least `least` near-equal ones of their stretch of time."""

    n: int
    repeated: int
    largest: int
    """Rows of the largest group."""
    ids: tuple[str, ...]
    """Some of the rows."""


def repeats(
    store: Store,
    baseline: Relation,
    current: Relation,
    rows: int,
    window: Window,
    scale: Sequence[tuple[str, float]],
    settings: PoisoningSettings,
) -> tuple[Repeats, Repeats]:
    """The baseline's near duplicates and the window's, in groups of rows that are no larger in the window.

    The more rows are looked at together, the more of them are alike by nature. So the baseline's rows are put by chance
    into groups of twice as many as a stretch of the window holds on average.

    Args:
        store: the store.
        baseline: the baseline's rows.
        current: the window's rows.
        rows: how many these are.
        window: their event time.
        scale: numeric features with the baseline's standard deviation of each, 0 for a constant one.
        settings: tolerance, the least group and examples.
    """
    in_baseline = rows_in(store, baseline)
    known = min(in_baseline, BASELINE_ROWS)
    parts = max(STRETCHES, math.ceil(4 * rows / max(known, 1)))
    together = max(1.0, rows / parts)
    grid = {
        "names": [name for name, _ in scale],
        "cells": [spread * settings.tolerance if spread > 0 else 1.0 for _, spread in scale],
        "least": settings.least,
        "examples": max(1, settings.examples),
    }
    groups = {"groups": max(1, int(known / (2 * together)))}
    width = max(1, int((window.end - window.start).total_seconds() * 1e9) // parts)
    stretch = {"origin": int(window.start.timestamp()) * 10**9, "width": width}
    if rows > MOST_ROWS:
        condition = f"({current.condition}) AND cityHash64({_STRETCH}) % {{every:UInt64}} = 0"
        current = replace(current, condition=condition)
        stretch["every"] = math.ceil(rows / MOST_ROWS)
    return (
        _sizes(store, thinned(store, baseline, BASELINE_ROWS, in_baseline), _GROUP, {**grid, **groups}),
        _sizes(store, current, _STRETCH, {**grid, **stretch}),
    )


def _sizes(store: Store, relation: Relation, part: str, bound: dict[str, object]) -> Repeats:
    sql = _SIZES.format(part=part, table=relation.table, condition=relation.condition)
    row = store.rows(sql, {**relation.parameters, **bound})[0]
    return Repeats(int(row["n"]), int(row["repeated"]), int(row["largest"]), tuple(row["ids"]))

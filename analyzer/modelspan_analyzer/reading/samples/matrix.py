"""A bounded sample of rows as a numeric matrix, for measures that need a model: the only place where rows travel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_collector.store.connect import Store

MAX_CATEGORIES: Final = 250
"""Further categories share one code; gradient boosting takes at most 255."""

_NAMES = """
SELECT arraySort(groupUniqArrayArray(1001)(mapKeys(numeric_features))) AS numeric,
       arraySort(groupUniqArrayArray(1001)(mapKeys(categorical_features))) AS categorical
FROM ({rows})
"""
_LEVELS = """
SELECT name, topK({most})(text) AS levels
FROM ({rows}) ARRAY JOIN mapKeys(categorical_features) AS name, mapValues(categorical_features) AS text
GROUP BY name ORDER BY name
"""
# A map looks a key up by walking it, so each is walked once, and each of its names looked up in a table of the columns.
# `one.` is the row's own value: by its name alone `true_value` would be the number that no NULL is left in.
_SAMPLE = """
SELECT prediction_id, timestamp, ifNull(value, nan) AS value, label, truth,
       ifNull(true_value, nan) AS true_value, weight,
       arrayMap(name -> transform(name, {{numeric:Array(String)}}, {{numeric_places:Array(UInt32)}}, toUInt32(0)),
                mapKeys(numeric_features)) AS numeric_at,
       arrayFilter((number, place) -> place > 0, mapValues(numeric_features), numeric_at) AS numbers,
       arrayFilter(place -> place > 0, numeric_at) AS number_places,
       arrayMap(name -> transform(name, {{categorical:Array(String)}}, {{categorical_places:Array(UInt32)}},
                                  toUInt32(0)), mapKeys(categorical_features)) AS categorical_at,
       arrayFilter(place -> place > 0, categorical_at) AS code_places,
       arrayMap((text, place) -> transform(concat(toString(place), ' ', text), {{levels:Array(String)}},
                                           {{level_codes:Array(Float64)}}, toFloat64(0)),
                arrayFilter((text, place) -> place > 0, mapValues(categorical_features), categorical_at),
                code_places) AS codes
FROM ({rows}) AS one WHERE {{labelled:UInt8}} = 0 OR one.truth != '' OR isNotNull(one.true_value)
ORDER BY cityHash64(prediction_id), prediction_id LIMIT {{limit:UInt64}}
"""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Which features make the columns of a matrix: numeric ones as they are, then categorical ones as codes.

    A code is the place of the category among its levels, from 1; 0 is a category not seen before; NaN is missing.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.numeric + self.categorical

    @property
    def is_categorical(self) -> npt.NDArray[np.bool_]:
        """For each column whether it holds codes."""
        return np.array([False] * len(self.numeric) + [True] * len(self.categorical))


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows in a fixed pseudo-random order; arrays of one length."""

    ids: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.datetime64]
    features: FloatArray
    """`(n, columns of the encoding)`, NaN where missing."""
    value: FloatArray
    label: npt.NDArray[np.object_]
    truth: npt.NDArray[np.object_]
    true_value: FloatArray
    weight: FloatArray

    def first(self, most: int) -> Sample:
        """The first of the rows."""
        return self if len(self.ids) <= most else self.only(np.arange(len(self.ids)) < most)

    def only(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Sample:
        """Some of the rows."""
        return replace(self, **{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    def evened(self) -> Sample:
        """Rows of which each stands for as much as the next, for what knows no weights.

        They are taken in proportion to their weights, at even steps, as many as count (Kish 1965).
        """
        reached = np.cumsum(self.weight)
        if not len(reached) or (self.weight == self.weight[0]).all():
            return self
        count = max(1, round(reached[-1] ** 2 / (self.weight**2).sum()))
        taken = np.searchsorted(reached, (np.arange(count) + 0.5) / count * reached[-1])
        return replace(self.only(taken), weight=np.ones(count))


def mixed(samples: Sequence[Sample]) -> Sample:
    """The rows of all samples in one pseudo-random order; the same ones are in the same order."""
    every = {part.name: np.concatenate([getattr(one, part.name) for one in samples]) for part in fields(Sample)}
    order = np.random.default_rng(0).permutation(len(every["ids"]))
    return Sample(**{name: column[order] for name, column in every.items()})


@kept_of_rows(64)
def find_encoding(store: Store, rows: Rows) -> Encoding:
    """The features of some rows (of the baseline, so that windows are coded alike)."""
    names = store.rows(_NAMES.format(rows=rows.sql), rows.parameters)[0]
    found = store.rows(_LEVELS.format(rows=rows.sql, most=MAX_CATEGORIES), rows.parameters)
    levels = {row["name"]: tuple(sorted(row["levels"])) for row in found}
    categorical = tuple(name for name in names["categorical"] if name in levels)
    return Encoding(tuple(names["numeric"]), categorical, tuple(levels[name] for name in categorical))


@kept_of_rows(64)
def sample(store: Store, rows: Rows, encoding: Encoding, limit: int, *, labelled: bool = False) -> Sample:
    """At most `limit` rows, chosen by hash of their id: the same rows on every call.

    Args:
        store: the store.
        rows: the predictions.
        encoding: the columns.
        limit: largest number of rows.
        labelled: only rows whose truth is known.
    """
    bounds = {"limit": limit, "labelled": int(labelled)}
    table = store.arrow(_SAMPLE.format(rows=rows.sql), {**rows.parameters, **_places(encoding), **bounds})

    def column(name: str) -> npt.NDArray[np.object_]:
        return np.asarray(table[name].to_numpy(zero_copy_only=False))

    return Sample(
        ids=column("prediction_id"),
        timestamp=column("timestamp").astype("datetime64[ns]"),
        features=np.hstack(
            [
                _block(table, "number_places", "numbers", len(encoding.numeric)),
                _block(table, "code_places", "codes", len(encoding.categorical)),
            ]
        ),
        value=column("value").astype(np.float64),
        label=column("label"),
        truth=column("truth"),
        true_value=column("true_value").astype(np.float64),
        weight=column("weight").astype(np.float64),
    )


def _places(encoding: Encoding) -> dict[str, list[Any]]:
    """The parameters of the query that say in which column, from 1, and as which code a value goes."""
    levels = [
        (f"{place} {text}", code)
        for place, known in enumerate(encoding.levels, 1)
        for code, text in enumerate(known, 1)
    ]
    # Tables to look up in cannot be empty: place 0 is no column's.
    return {
        "numeric": [*encoding.numeric, ""],
        "numeric_places": [*range(1, len(encoding.numeric) + 1), 0],
        "categorical": [*encoding.categorical, ""],
        "categorical_places": [*range(1, len(encoding.categorical) + 1), 0],
        "levels": ["", *(text for text, _ in levels)],
        "level_codes": [0.0, *(float(code) for _, code in levels)],
    }


def _block(table: pa.Table, places: str, values: str, width: int) -> FloatArray:
    """A matrix of what the rows' maps hold, each value in its place."""
    at, held = table[places].combine_chunks(), table[values].combine_chunks()
    matrix = np.full((table.num_rows, width), np.nan)
    lengths = at.value_lengths().to_numpy(zero_copy_only=False)
    rows = np.repeat(np.arange(table.num_rows), lengths)
    matrix[rows, at.flatten().to_numpy(zero_copy_only=False).astype(np.int64) - 1] = held.flatten().to_numpy(
        zero_copy_only=False
    )
    return matrix

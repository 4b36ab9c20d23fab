"""A bounded sample of rows as a numeric matrix, for measures that need a model: the only place where rows travel."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt

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
_SAMPLE = """
SELECT prediction_id, timestamp, ifNull(value, nan) AS value, label, truth,
       ifNull(true_value, nan) AS true_value, weight,
       arrayMap(name -> if(mapContains(numeric_features, name), numeric_features[name], nan), {{numeric:Array(String)}})
           AS numbers,
       arrayMap((name, known) -> if(mapContains(categorical_features, name),
                                    toFloat64(indexOf(known, categorical_features[name])), nan),
                {{categorical:Array(String)}}, {{levels:Array(Array(String))}}) AS codes
FROM ({rows}) WHERE {{labelled:UInt8}} = 0 OR truth != '' OR isNotNull(true_value)
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

    def only(self, chosen: npt.NDArray[np.bool_]) -> Sample:
        """Some of the rows."""
        return replace(self, **{part.name: getattr(self, part.name)[chosen] for part in fields(self)})


def find_encoding(store: Store, rows: Rows) -> Encoding:
    """The features of some rows (of the baseline, so that windows are coded alike)."""
    names = store.rows(_NAMES.format(rows=rows.sql), rows.parameters)[0]
    found = store.rows(_LEVELS.format(rows=rows.sql, most=MAX_CATEGORIES), rows.parameters)
    levels = {row["name"]: tuple(sorted(row["levels"])) for row in found}
    categorical = tuple(name for name in names["categorical"] if name in levels)
    return Encoding(tuple(names["numeric"]), categorical, tuple(levels[name] for name in categorical))


def sample(store: Store, rows: Rows, encoding: Encoding, limit: int, *, labelled: bool = False) -> Sample:
    """At most `limit` rows, chosen by hash of their id: the same rows on every call.

    Args:
        store: the store.
        rows: the predictions.
        encoding: the columns.
        limit: largest number of rows.
        labelled: only rows whose truth is known.
    """
    names = {
        "numeric": list(encoding.numeric),
        "categorical": list(encoding.categorical),
        "levels": [list(known) for known in encoding.levels],
    }
    bounds = {"limit": limit, "labelled": int(labelled)}
    table = store.arrow(_SAMPLE.format(rows=rows.sql), {**rows.parameters, **names, **bounds})
    count = table.num_rows

    def block(column: str, width: int) -> FloatArray:
        flat = table[column].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, np.float64).reshape(count, width)

    def column(name: str) -> npt.NDArray[np.object_]:
        return np.asarray(table[name].to_numpy(zero_copy_only=False))

    return Sample(
        ids=column("prediction_id"),
        timestamp=column("timestamp").astype("datetime64[ns]"),
        features=np.hstack([block("numbers", len(encoding.numeric)), block("codes", len(encoding.categorical))]),
        value=column("value").astype(np.float64),
        label=column("label"),
        truth=column("truth"),
        true_value=column("true_value").astype(np.float64),
        weight=column("weight").astype(np.float64),
    )

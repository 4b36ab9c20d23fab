"""Rows as a matrix: each value in the column of its feature, however many features rows have."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import Encoding, find_encoding, sample
from modelspan_collector.store.connect import Store

ROWS = 300
_GENERATED = """
SELECT toString(number) AS prediction_id, toDateTime64('2026-01-01', 9, 'UTC') AS timestamp,
       CAST(0.5 AS Nullable(Float64)) AS value, 'a' AS label, 'b' AS truth,
       CAST(NULL AS Nullable(Float64)) AS true_value, 1. AS weight,
       CAST((arrayMap(i -> concat('f', toString(i)), range({width:UInt32})),
             arrayMap(i -> number * 10000 + i, range({width:UInt32}))), 'Map(LowCardinality(String), Float64)')
           AS numeric_features,
       CAST((arrayMap(i -> concat('c', toString(i)), range(number % 4)),
             arrayMap(i -> concat('level ', toString(number % 3)), range(number % 4))),
            'Map(LowCardinality(String), String)') AS categorical_features
FROM numbers({rows:UInt32})
"""


def generated(width: int) -> Rows:
    """Rows of so many numbers, and of none to three categories."""
    return Rows(_GENERATED, {"width": width, "rows": ROWS})


@pytest.mark.parametrize("width", [0, 1, 900, 5_000])
def test_each_value_is_in_the_column_of_its_feature(width: int, store: Store) -> None:
    """The maps of rows are walked once: 5,000 features (of which 1,001 are columns) do not cost their square."""
    encoding = find_encoding(store, generated(width))
    assert len(encoding.numeric) == min(width, 1_001) and encoding.categorical == ("c0", "c1", "c2")
    found = sample(store, generated(width), encoding, 200)
    rows = found.ids.astype(int)
    places = np.array([int(name[1:]) for name in encoding.numeric], int)
    codes = np.where(np.arange(3) < (rows % 4)[:, None], (rows % 3 + 1)[:, None], np.nan)
    assert len(rows) == 200
    np.testing.assert_array_equal(found.features[:, : len(places)], rows[:, None] * 10_000 + places)
    np.testing.assert_array_equal(found.features[:, len(places) :], codes)


def test_what_the_encoding_does_not_know(store: Store) -> None:
    """A feature that rows lack is missing, a category not seen before is 0, and other features are left out."""
    encoding = Encoding(("f0", "gone"), ("c0", "never"), (("level 1",), ("x",)))
    found = sample(store, generated(3), encoding, ROWS)
    rows = found.ids.astype(int)
    np.testing.assert_array_equal(found.features[:, 0], rows * 10_000)
    assert np.isnan(found.features[:, [1, 3]]).all()
    np.testing.assert_array_equal(found.features[:, 2], np.where(rows % 4 == 0, np.nan, rows % 3 == 1))

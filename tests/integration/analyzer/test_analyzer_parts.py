"""All slices of few rows from one reading say what a reading of each slice by itself says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.reading.profiles.from_rows import MOST_CATEGORIES, profile_rows
from modelspan_analyzer.reading.profiles.parts import Part, read_parts
from modelspan_analyzer.reading.profiles.profile import Column, Relation
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.reading.segments import restricted
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import NO_GROUP

START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 400
KEYS = ("tag.region", "feature.plan")
RNG = np.random.default_rng(3)
Row = dict[str, Any]


def number(row: int) -> float:
    """Mostly ordinary, now and then what no mean survives."""
    special = {3: np.nan, 7: np.inf, 11: -np.inf, 13: 0.0}
    return special.get(row % 40, float(RNG.normal(5, 2)))


def row(place: int) -> Row:
    """One prediction, with every feature where it may be."""
    return {
        "numeric_features": [("age", number(place)), ("income", float(place % 5))],
        "categorical_features": [("plan", "abc"[place % 3])],
        "null_features": [],
        "tags": [("region", ("north", "south", "")[place % 3])] if place % 11 else [],
        "sample_weight": 1.0,
    }


def weighted(place: int) -> Row:
    """Rows that stand for one, or for many."""
    return row(place) | {"sample_weight": (1.0, 2.5, 40.0)[place % 7 % 3]}


def one_weight(place: int) -> Row:
    """All rows stand for as many as each other."""
    return row(place) | {"sample_weight": 4.0}


def nulls(place: int) -> Row:
    """Named as missing, not named at all, and never there."""
    given = row(place) | {"null_features": ["never", *(["income"] if place % 2 else [])]}
    given["numeric_features"] = given["numeric_features"][: 1 if place % 2 or place % 7 == 0 else 2]
    return given


def text_in_numbers(place: int) -> Row:
    """A number that is text in some rows, and a category that is a number in others."""
    given = row(place)
    if place % 3 == 0:
        given["numeric_features"] = [("income", 1.0), ("plan", 7.0)]
        given["categorical_features"] = [("age", "unknown" if place % 2 else "41")]
    return given


def no_features(place: int) -> Row:
    """Rows of which some have nothing at all."""
    return row(place) | ({"numeric_features": [], "categorical_features": []} if place % 4 == 0 else {})


def odd_names(place: int) -> Row:
    """Empty and strange names and texts are names and texts."""
    more = [("", "x"), ("ünï ' \\ cödé", ("", " ", "'", "\\")[place % 4])]
    given = row(place)
    return given | {"categorical_features": [*given["categorical_features"], *more]}


SHAPES = (row, weighted, one_weight, nulls, text_in_numbers, no_features, odd_names)


def insert(store: Store, model: str, rows: list[Row]) -> Relation:
    """Store rows of a model; the relation of them."""
    numbers, texts = pa.map_(pa.string(), pa.float64()), pa.map_(pa.string(), pa.string())
    types = {
        "numeric_features": numbers,
        "categorical_features": texts,
        "null_features": pa.list_(pa.string()),
        "tags": texts,
        "sample_weight": pa.float64(),
    }
    columns = {name: pa.array([one[name] for one in rows], kind) for name, kind in types.items()}
    stamps = pa.array(
        [START + timedelta(seconds=place % 3600) for place in range(len(rows))], pa.timestamp("ns", "UTC")
    )
    ids = [f"{model}-{place}" for place in range(len(rows))]
    named = {"model": [model] * len(rows), "version": ["1"] * len(rows), "timestamp": stamps, "prediction_id": ids}
    store.insert("predictions", pa.table(named | columns))
    return window_relation(model, "1", WINDOW)


def agree(part: Part, relation: Relation, store: Store) -> None:
    """What was read at once is what the slice's own profile says, to the last digit but for how sums are added up."""
    alone = profile_rows(store, relation)
    assert (part.rows, part.weight) == (alone.rows, pytest.approx(alone.weight))
    among = {name: column.among(part.rows, part.weight) for name, column in part.columns.items()}
    assert among.keys() == alone.features.keys()
    for name, column in among.items():
        _agree(column, alone.features[name])


def _agree(column: Column, alone: Column) -> None:
    assert (column.kind, column.n, column.null_n) == (alone.kind, alone.n, alone.null_n)
    assert column.null == pytest.approx(alone.null)
    assert (column.numbers is None, column.texts is None) == (alone.numbers is None, alone.texts is None)
    if column.numbers and alone.numbers:
        for part in ("n", "count", "nan", "infinite", "zero", "negative", "minimum", "maximum", "mean", "std"):
            given, expected = getattr(column.numbers, part), getattr(alone.numbers, part)
            assert given == pytest.approx(expected, rel=1e-9, abs=1e-7, nan_ok=True), part
        assert column.numbers.distinct == pytest.approx(alone.numbers.distinct, rel=0.05, abs=1)  # theirs is estimated
    if column.texts and alone.texts:
        assert (column.texts.n, column.texts.distinct) == (alone.texts.n, alone.texts.distinct)
        assert column.texts.count == pytest.approx(alone.texts.count)
        assert column.texts.counts == pytest.approx(alone.texts.counts)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_slice_is_as_a_reading_of_its_own_rows_says(shared_store: Store, shape: Any) -> None:
    """Whatever the rows: weights, nulls, texts among numbers, rows without features, and names that nobody expects."""
    relation = insert(shared_store, f"parts-{shape.__name__}", [shape(place) for place in range(ROWS)])
    parts = read_parts(shared_store, relation, KEYS)
    agree(parts.part(), relation, shared_store)
    for key in KEYS:
        sizes = parts.sizes(key)
        assert sum(sizes.values()) == ROWS
        assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
        for value, rows in sizes.items():
            part = parts.part(key, value)
            assert part.rows == rows
            agree(part, restricted(relation, key, value), shared_store)


def test_rows_without_a_value_of_the_key_are_a_slice_too(shared_store: Store) -> None:
    """An empty tag, and none, are the same group; a slice that nobody has is empty."""
    rows = [row(place) for place in range(66)]
    parts = read_parts(shared_store, insert(shared_store, "parts-none", rows), KEYS)
    without = sum(not dict(one["tags"]).get("region") for one in rows)
    assert parts.sizes("tag.region")[NO_GROUP] == without
    assert parts.part("tag.region", "atlantis") == Part(0, 0.0, {})


def test_values_of_a_slice_are_sorted_and_carry_their_weights(shared_store: Store) -> None:
    """As NumPy finds them in the same rows."""
    rows = [weighted(place) for place in range(ROWS)]
    parts = read_parts(shared_store, insert(shared_store, "parts-values", rows), KEYS)
    chosen = [one for one in rows if dict(one["tags"]).get("region") == "south"]
    values, weights = (np.array(part) for part in zip(*((dict(one["numeric_features"])["age"], one["sample_weight"])
                                                        for one in chosen), strict=True))  # fmt: skip
    finite = np.isfinite(values)
    order = np.argsort(values[finite], kind="stable")
    numbers = parts.part("tag.region", "south").columns["age"].numbers
    assert numbers is not None and numbers.support is not None and numbers.support.weights is not None
    assert np.array_equal(numbers.support.values, values[finite][order])
    assert numbers.support.weights.sum() == pytest.approx(weights[finite].sum())
    assert numbers.mean == pytest.approx(np.average(values[finite], weights=weights[finite]))
    assert numbers.nan == pytest.approx(weights[np.isnan(values)].sum())


def test_of_very_many_categories_the_most_frequent_are_counted_and_the_rest_is_known(shared_store: Store) -> None:
    """Beyond ten thousand, by weight and then by name, in all rows and in a slice."""
    many = MOST_CATEGORIES + 500
    rows = [row(place) | {"categorical_features": [("code", f"c{place:06}")]} for place in range(many)]
    rows += [row(place) | {"categorical_features": [("code", f"c{place:06}")]} for place in range(many - 700, many)]
    relation = insert(shared_store, "parts-many", rows)
    parts = read_parts(shared_store, relation, KEYS)
    texts = parts.part().columns["code"].texts
    assert texts is not None
    assert (texts.n, texts.distinct, len(texts.counts)) == (many + 700, many, MOST_CATEGORIES)
    assert texts.other == pytest.approx(many + 700 - sum(texts.counts.values()))
    assert texts.counts[f"c{many - 1:06}"] == 2.0
    agree(parts.part(), relation, shared_store)
    agree(parts.part("tag.region", "north"), restricted(relation, "tag.region", "north"), shared_store)

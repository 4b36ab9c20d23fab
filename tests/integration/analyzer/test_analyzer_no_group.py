"""Rows that name no group are one group, `(missing)`, for every reader, however they come to name none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.monitors.worst_slices.search import Number, against_rest
from modelspan_analyzer.reading import baselines, segments
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.rows import window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.why import Finding
from modelspan_analyzer.why.selection import select
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
HALF = 60
NAMED, NONE = "north", "(missing)"
CASES: Mapping[str, tuple[str, str | None]] = {
    "tag absent": ("tag.g", None),
    "tag empty": ("tag.g", ""),
    "tag of white space": ("tag.g", " \t"),
    "feature absent": ("feature.g", None),
    "feature empty": ("feature.g", ""),
    "feature of white space": ("feature.g", "  "),
}


def _store_rows(store: Store, key: str, without: str | None) -> None:
    """One half of the rows names a group, the other none."""
    texts = pa.map_(pa.string(), pa.string())
    kind, count = key.partition(".")[0], 2 * HALF
    own = [[("g", NAMED)]] * HALF + [[] if without is None else [("g", without)]] * HALF
    nothing: list[list[tuple[str, str]]] = [[]] * count
    answers, ids = ["1", "0"] * HALF, [f"p{row}" for row in range(count)]
    times = pa.array([START + timedelta(seconds=row) for row in range(count)], pa.timestamp("ns", "UTC"))
    columns = {
        "model": ["m"] * count,
        "version": ["1"] * count,
        "prediction_id": ids,
        "timestamp": times,
        "label": answers,
        "numeric_features": pa.array([[("x", float(row))] for row in range(count)], pa.map_(pa.string(), pa.float64())),
        "tags": pa.array(own if kind == "tag" else nothing, texts),
        "categorical_features": pa.array(own if kind == "feature" else nothing, texts),
    }
    store.insert("predictions", pa.table(columns))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": times, "label": answers}))


def _context(store: Store, key: str) -> MonitorContext:
    rule = {"segments": (key,), "data_drift": {"min_rows": 20}, "performance": {"min_rows": 20}}
    facets = {"facets": ("g",), "min_group": 20, "flip_rows": 0, "estimated": False}
    return MonitorContext(store, "m", "1", WINDOW, None, ModelSettings.model_validate(rule | {"fairness": facets}))


def _drift(store: Store, key: str) -> set[str]:
    return {one.segment for one in slices(_context(store, key))}


def _performance(store: Store, key: str) -> set[str]:
    return {one.segment for one in performance(_context(store, key)) if one.segment and one.metric != LEFT_OUT}


def _fairness(store: Store, key: str) -> set[str]:
    found = {one.segment for one in fairness(_context(store, key)) if one.segment.startswith("g=")}
    return {f"{key.partition('.')[0]}.{one}" for one in found}


def _worst(store: Store, key: str) -> set[str]:
    number = Number("toFloat64(label = '1') + numeric_features['x']")
    tried = against_rest(store, window_rows("m", "1", WINDOW), number, [key], depth=1, least=20)
    return {one.name for one in tried}


def _baseline(store: Store, key: str) -> set[str]:
    kept = baselines.set_from_window(store, "m", "1", WINDOW)
    return {segments.spelt(key, value) for value in segments.slice_values(store, baseline_relation(kept), key, 20)}


def _window(store: Store, key: str) -> set[str]:
    values = segments.slice_values(store, window_relation("m", "1", WINDOW), key, 20)
    return {segments.spelt(key, value) for value in values}


def _why(store: Store, key: str) -> set[str]:
    found = set()
    for value in (NAMED, NONE):
        chosen = select(store, Finding("m", WINDOW, "errors", version="1", segment=segments.spelt(key, value)))
        if store.scalar(chosen.fill("SELECT count() {source}"), chosen.parameters) == HALF:
            found.add(segments.spelt(key, value))
    return found


READERS: Mapping[str, Callable[[Store, str], set[str]]] = {
    "drift": _drift,
    "performance": _performance,
    "fairness": _fairness,
    "worst slices": _worst,
    "baseline": _baseline,
    "rows": _window,
    "why": _why,
}


@pytest.mark.parametrize("case", CASES)
def test_every_reader_has_the_same_groups(store: Store, case: str) -> None:
    """The group of those without one is called the same, and holds the same rows."""
    key, without = CASES[case]
    _store_rows(store, key, without)
    wanted = {segments.spelt(key, NAMED), segments.spelt(key, NONE)}
    assert {name: reader(store, key) for name, reader in READERS.items()} == dict.fromkeys(READERS, wanted)


def test_where_nothing_names_a_group_there_is_none(store: Store) -> None:
    """A key that no row has makes no slice of all of them."""
    _store_rows(store, "tag.g", "")
    assert _window(store, "tag.other") == _performance(store, "tag.other") == set()

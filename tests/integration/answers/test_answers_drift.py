"""Drift of answers of several parts: each number, the items, and what is in a picture, by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.prediction_drift import prediction_drift
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Verdict, Window
from modelspan_collector.store.connect import Store

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW, BEFORE = Window(START, START + HOUR), Window(START - HOUR, START)
ROWS = 2000
OUTPUTS = pa.map_(pa.string(), pa.list_(pa.float64()))
Row = tuple[list[str], dict[str, list[float]]]


@pytest.fixture
def alarms(store: Store) -> Callable[..., tuple[set[str], set[str]]]:
    """What is compared, and what alarms, of a window's answers beside those of the baseline."""

    def run(shape: str, before: list[Row], now: list[Row], shape_now: str | None = None) -> tuple[set[str], set[str]]:
        later = shape if shape_now is None else shape_now
        for window, rows, said in ((BEFORE, before, shape), (WINDOW, now, later)):
            table = {
                "model": ["m"] * len(rows),
                "version": ["1"] * len(rows),
                "timestamp": pa.array([window.start] * len(rows), pa.timestamp("ns", "UTC")),
                "prediction_id": [f"{window.start}-{row}" for row in range(len(rows))],
                "shape": [said] * len(rows),
                "value": pa.array([None if said else 1.0] * len(rows), pa.float64()),
                "items": pa.array([items for items, _ in rows], pa.list_(pa.string())),
                "outputs": pa.array([list(outputs.items()) for _, outputs in rows], OUTPUTS),
            }
            store.insert("predictions", pa.table(table))
        baseline = baselines.set_from_window(store, "m", "1", BEFORE)
        found = prediction_drift(MonitorContext(store, "m", "1", WINDOW, baseline))
        wrong = {one.feature for one in found if one.verdict in (Verdict.ALARM, Verdict.WARNING)}
        return {one.feature for one in found}, wrong

    return run


def outputs(seed: int, demand: float) -> list[Row]:
    """Two numbers by name."""
    rng = np.random.default_rng(seed)
    return [([], {"price": [p], "demand": [d]}) for p, d in rng.normal([10, demand], 1, (ROWS, 2)).tolist()]


def test_the_output_that_moved_alarms_by_its_name(alarms: Any) -> None:
    """The other one is compared, too."""
    assert alarms("multioutput", outputs(1, 5.0), outputs(2, 7.0)) == (
        {"output.price", "output.demand", "shape"},
        {"output.demand"},
    )


def test_nothing_alarms_where_nothing_moved(alarms: Any) -> None:
    """Answers of another day of the same kind."""
    assert alarms("multioutput", outputs(1, 5.0), outputs(2, 5.0))[1] == set()


def test_steps_are_compared_by_their_place(alarms: Any) -> None:
    """Of a vector, or a quantile of several steps."""
    rng = np.random.default_rng(3)
    rows = [[([], {"0.5": row}) for row in rng.normal([1, mean], 1, (ROWS, 2)).tolist()] for mean in (2, 5)]
    assert alarms("quantile", *rows) == ({"output.0.5[1]", "output.0.5[2]", "shape"}, {"output.0.5[2]"})


def test_what_lists_show_first_and_how_long_they_are(alarms: Any) -> None:
    """Each list says one thing of a name: its items are not independent of each other."""
    rng = np.random.default_rng(4)

    def lists(share: list[float], length: int) -> list[Row]:
        return [([str(item), "z", *["y"] * (length - 2)], {}) for item in rng.choice(list("abc"), ROWS, p=share)]

    known, wrong = alarms("ranking", lists([0.5, 0.3, 0.2], 4), lists([0.1, 0.3, 0.6], 4))
    assert (known, wrong) == ({"items.first", "items.count", "shape"}, {"items.first"})


def test_labels_that_come_together(alarms: Any) -> None:
    """The set of them is one category; an empty one counts none."""
    rng = np.random.default_rng(5)
    sets = [
        [(["spam", "ad"][: int(n)], {}) for n in rng.choice(3, ROWS, p=share)]
        for share in ([0.5, 0.3, 0.2], [0.1, 0.3, 0.6])
    ]
    assert alarms("multilabel", *sets) == ({"items.set", "items.count", "shape"}, {"items.set", "items.count"})


def test_what_is_seen_in_pictures(alarms: Any) -> None:
    """The confidence of one class falls; the other's, and the counts, stay."""
    rng = np.random.default_rng(6)

    def pictures(cat: float) -> list[Row]:
        scores = np.clip(rng.normal([cat, 0.8], 0.05, (ROWS, 2)), 0, 1).tolist()
        return [(["cat", "dog"], {"score": score, "x1": [0.1, 0.2]}) for score in scores]

    known, wrong = alarms("detection", pictures(0.8), pictures(0.5))
    assert {"count.cat", "count.dog", "confidence.cat", "confidence.dog", "items.count", "output.x1"} <= known
    assert wrong == {"confidence.cat", "output.score"}


def test_how_much_of_a_picture_a_class_is(alarms: Any) -> None:
    """All classes are in all pictures, as ever, and the road takes what was the background's."""
    rng = np.random.default_rng(7)

    def masks(road: float) -> list[Row]:
        shares = np.clip(rng.normal(road, 0.05, ROWS), 0.01, 0.8).tolist()
        return [(["car", "road", "sky"], {"share": [0.1, share, 0.9 - share]}) for share in shares]

    known, wrong = alarms("segmentation", masks(0.3), masks(0.6))
    assert known == {"items.count", "items.set", "share.car", "share.road", "share.sky", "shape"}
    assert wrong == {"share.road", "share.sky"}


@pytest.mark.parametrize(("before", "now"), [("", "quantile"), ("quantile", ""), ("ranking", "quantile")])
def test_answers_of_another_shape_are_a_change(alarms: Any, before: str, now: str) -> None:
    """A number that became quantiles has nothing in common with them, but that both are answers."""
    rows = {"": [([], {})], "quantile": [([], {"0.5": [1.0]})], "ranking": [(["a", "b"], {})]}
    assert alarms(before, rows[before] * ROWS, rows[now] * ROWS, now)[1] == {"shape"}

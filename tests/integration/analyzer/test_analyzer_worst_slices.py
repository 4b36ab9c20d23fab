"""The worst slices are found by what is worst in them: losses, missing labels, expected errors; none if all is calm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.worst_slices.monitor import worst_slices, worst_slices_by_outcome
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 6_000
Predict = Callable[..., None]


def people(seed: int) -> dict[str, Any]:
    """Probabilities, outcomes that follow them, two attributes."""
    rng = np.random.default_rng(seed)
    score = rng.random(ROWS)
    return {
        "age": rng.normal(40, 10, ROWS),
        "plan": rng.choice(["free", "basic", "pro"], ROWS),
        "region": rng.choice(["north", "south"], ROWS, p=[0.2, 0.8]),
        "score": score,
        "truth": np.where(rng.random(ROWS) < score, "1", "0"),
        "labelled": np.ones(ROWS, bool),
    }


def wrong(rows: dict[str, Any], here: Any) -> None:
    """Turn the outcomes over: the answers stay as they are."""
    rows["truth"] = np.where(here, np.where(rows["truth"] == "1", "0", "1"), rows["truth"])


def unlabelled(rows: dict[str, Any], here: Any) -> None:
    """Take most labels away."""
    rows["labelled"] = ~(here & (np.arange(ROWS) % 5 > 0))


def unsure(rows: dict[str, Any], here: Any) -> None:
    """Answers near one half: as many are positive as before, and more of them will be wrong."""
    rows["score"] = np.where(here, 0.5 + (rows["score"] - 0.5) * 0.1, rows["score"])


FAULTS: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "worst_slice_by_loss": wrong,
    "worst_slice_by_missing_labels": unlabelled,
    "worst_slice_by_estimate": unsure,
}


@pytest.fixture
def look(shared_store: Store, predict: Predict) -> Callable[..., dict[str, list[Result]]]:
    """Stores a baseline and a window with its labels; gives what both searches say, by metric."""

    def run(model: str, after: dict[str, Any], tags: tuple[str, ...] = ("region",)) -> dict[str, list[Result]]:
        before = people(1)
        table = pa.table({name: before[name] for name in ("age", "plan", "region", "score", "truth")})
        given = {"score": "score", "label": "truth", "features": ["age", "plan"]}
        baselines.set_from_table(shared_store, model, "1", table, tags=tags, source="test", **given)
        groups = pa.array([[("region", one)] for one in after["region"]], pa.map_(pa.string(), pa.string()))
        features = pa.table({name: after[name] for name in ("age", "plan")})
        predict(model, features, START, value=after["score"], tags=groups)
        ids = np.array([f"{model}-{START.timestamp()}-{row}" for row in range(ROWS)])[after["labelled"]]
        labels = {"prediction_id": ids, "label": after["truth"][after["labelled"]]}
        shared_store.insert("labels", pa.table({**labels, "timestamp": pa.array([START] * len(ids))}))
        baseline = baselines.active(shared_store, model, "1")
        context = MonitorContext(shared_store, model, "1", WINDOW, baseline, ModelSettings())
        found: dict[str, list[Result]] = {}
        for result in [*worst_slices(context), *worst_slices_by_outcome(context)]:
            found.setdefault(result.metric, []).append(result)
        return found

    return run


@pytest.mark.parametrize("metric", FAULTS)
def test_each_fault_is_found_by_its_own_number(look: Callable[..., dict[str, list[Result]]], metric: str) -> None:
    """In one region things go wrong: that number names it first, and no other search names anything of its own kind."""
    after = people(2)
    FAULTS[metric](after, after["region"] == "north")
    found = look(metric, after)
    worst = found[metric][0]
    assert (worst.segment, worst.verdict, worst.value is not None and worst.value > 0.2) == (
        "tag.region=north",
        Verdict.WARNING,
        True,
    )
    assert f"{worst.details['tried']} slices were tried" in worst.reason
    assert {result.verdict for result in found["worst_slice"]} <= {Verdict.OK, Verdict.WARNING}
    others = set(FAULTS) - {metric} - ({"worst_slice_by_loss"} if metric == "worst_slice_by_estimate" else set())
    assert {result.verdict for other in others for result in found[other]} == {Verdict.OK}


def test_a_calm_window_says_how_many_were_tried(look: Callable[..., dict[str, list[Result]]]) -> None:
    """One row a search, ok, with the number of slices; so that silence is no answer."""
    found = look("calm", people(3))
    assert set(found) == {"worst_slice", *FAULTS}
    assert {result.n for results in found.values() for result in results} == {ROWS}
    assert {name: [result.verdict for result in results] for name, results in found.items()} == {
        name: [Verdict.OK] for name in found
    }
    assert found["worst_slice_by_loss"][0].details["tried"] >= 11  # 3 plans, 2 regions, and their pairs


def test_a_slice_that_the_baseline_does_not_know_is_compared_with_the_others(
    look: Callable[..., dict[str, list[Result]]], shared_store: Store
) -> None:
    """Without tags in the baseline only known attributes are searched; without a baseline all are, beside the rest."""
    after = people(4)
    wrong(after, after["region"] == "north")
    look("known", after, ())
    alone = MonitorContext(shared_store, "known", "1", WINDOW, None, ModelSettings())
    first = worst_slices_by_outcome(alone)[0]
    assert (first.metric, first.segment) == ("worst_slice_by_loss", "tag.region=north")
    assert "elsewhere in the window" in first.reason

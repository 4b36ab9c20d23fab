"""Another concept is told from other inputs and from labels that are not in yet, over stored rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 4000
NAMES = ("lost", "beside", "apart")
Inputs = dict[str, np.ndarray]


def drawn(rng: np.random.Generator) -> Inputs:
    """Features of which the second goes with the first."""
    first = rng.normal(size=ROWS)
    return {"lost": first, "beside": 0.8 * first + 0.6 * rng.normal(size=ROWS), "apart": rng.normal(size=ROWS)}


def expected(inputs: Inputs) -> np.ndarray:
    """What the model says: a value that is missing is taken for 0, as an imputer does."""
    logits = sum(weight * np.nan_to_num(inputs[name]) for name, weight in zip(NAMES, (1.5, 0.5, 1.0), strict=True))
    return np.asarray(1 / (1 + np.exp(-logits)))


def outcomes(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(ROWS) < p, "yes", "no")


def judged(
    store: Store, rng: np.random.Generator, seen: Inputs, truth: np.ndarray, labelled: np.ndarray
) -> dict[str, Result]:
    """What the monitor says of a window beside a sound baseline, by feature."""
    sound = drawn(rng)
    score = expected(sound)
    answer = np.where(score >= 0.5, "yes", "no")
    table = pa.table({**sound, "score": score, "answer": answer, "truth": outcomes(score, rng)})
    baselines.set_from_table(store, "m", "1", table, score="score", prediction="answer", label="truth", source="sound")
    ids, stamps = [f"p{row}" for row in range(ROWS)], pa.array([START] * ROWS, pa.timestamp("ns", "UTC"))
    maps = [
        [(name, float(seen[name][row])) for name in NAMES if seen[name][row] == seen[name][row]] for row in range(ROWS)
    ]
    score = expected(seen)
    store.insert(
        "predictions",
        pa.table({
            "model": ["m"] * ROWS, "version": ["1"] * ROWS, "timestamp": stamps, "prediction_id": ids, "value": score,
            "label": np.where(score >= 0.5, "yes", "no"),
            "numeric_features": pa.array(maps, pa.map_(pa.string(), pa.float64())),
        }),
    )  # fmt: skip
    known = np.flatnonzero(labelled)
    store.insert(
        "labels",
        pa.table(
            {"prediction_id": [ids[row] for row in known], "timestamp": stamps.take(known), "label": truth[known]}
        ),
    )
    settings = ModelSettings.model_validate({"performance": {"positive_class": "yes"}})
    found = concept(MonitorContext(store, "m", "1", WINDOW, baselines.active(store, "m", "1"), settings))
    return {one.feature: one for one in found if one.metric == "concept_drift"}


def test_labels_that_are_not_in_yet_are_no_other_concept(store: Store) -> None:
    """With half of the labels, the labelled half is measured, and nothing alarms."""
    rng = np.random.default_rng(1)
    seen = drawn(rng)
    labelled = rng.random(ROWS) < 0.5

    found = judged(store, rng, seen, outcomes(expected(seen), rng), labelled)

    assert {name: (one.verdict, one.n) for name, one in found.items()} == dict.fromkeys(
        NAMES, (Verdict.OK, int(labelled.sum()))
    )


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_an_input_fault_is_no_other_concept_along_what_goes_with_it(store: Store, share: float) -> None:
    """Where some lose a value, the others are measured; where all are off, it is said that this cannot be told."""
    rng = np.random.default_rng(2)
    true = drawn(rng)
    hit = rng.random(ROWS) < share
    seen = {**true, "lost": np.where(hit, np.nan if share < 1 else true["lost"] * 100, true["lost"])}

    found = judged(store, rng, seen, outcomes(expected(true), rng), np.ones(ROWS, bool))

    if share < 1:
        assert {(one.verdict, one.n) for one in found.values()} == {(Verdict.OK, int((~hit).sum()))}
    else:
        assert {(one.verdict, one.value) for one in found.values()} == {(Verdict.NOT_COMPARED, None)}
        assert all(one.reason.startswith("cannot tell: inputs changed (lost)") for one in found.values())


@pytest.mark.parametrize("fault", [False, True])
def test_another_concept_is_found_with_and_without_a_fault_beside_it(store: Store, fault: bool) -> None:
    """Outcomes that turn along one feature alarm there, also over the rows that a fault of another one left sound."""
    rng = np.random.default_rng(3)
    true = drawn(rng)
    turned = expected({**true, "apart": -true["apart"]})
    seen = {**true, "lost": np.where(rng.random(ROWS) < 0.4, np.nan, true["lost"])} if fault else true

    found = judged(store, rng, seen, outcomes(turned, rng), np.ones(ROWS, bool))

    assert found["apart"].verdict is Verdict.ALARM
    assert not [name for name in ("lost", "beside") if found[name].verdict is Verdict.ALARM]

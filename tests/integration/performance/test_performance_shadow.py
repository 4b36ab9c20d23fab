"""A shadow is compared though only the champion's requests are labelled: by whatever the two share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from modelspan_analyzer.comparison.compare import compare
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.config.settings import BaselineSettings, ModelSettings, MonitorsConfig
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW_LENGTH = timedelta(hours=1)
WINDOW = Window(START, START + WINDOW_LENGTH)
ROWS = 600
RNG = np.random.default_rng(3)
TRUTH = RNG.integers(0, 2, ROWS)
AGE = RNG.normal(40, 10, ROWS)
ANSWERS = {
    "1": np.where(RNG.random(ROWS) < 0.7, TRUTH, 1 - TRUTH).astype(float),
    "2": np.where(RNG.random(ROWS) < 0.9, TRUTH, 1 - TRUTH).astype(float),
}
Maker = Callable[[str, int], dict[str, Any]]
TEXTS = pa.map_(pa.string(), pa.string())
NUMBERS = pa.map_(pa.string(), pa.float64())

SHARED: dict[str, Maker] = {
    "the tag `request`": lambda _, row: {"tags": [("request", f"r{row}")]},
    "prediction id": lambda _, row: {"prediction_id": f"same-{row}"},
    "trace": lambda _, row: {"trace_id": f"{row:032x}"},
    "equal features": lambda _, row: {"numeric_features": [("age", AGE[row])]},
}
APART: dict[str, Maker] = {
    "nothing": lambda _, __: {},
    "a trace of them all": lambda _, __: {"trace_id": "f" * 32},
    "equal features of all": lambda _, __: {"numeric_features": [("age", 1.0)]},
}


def serve(store: Store, version: str, shared: Maker, answers: npt.NDArray[np.float64], column: str = "value") -> None:
    """A version's answers; only version 1 is labelled."""
    usual: dict[str, Any] = {"tags": [], "trace_id": "", "numeric_features": []}
    made = [{**usual, "prediction_id": f"{version}-{row}", **shared(version, row)} for row in range(ROWS)]
    kinds = {"tags": TEXTS, "numeric_features": NUMBERS}
    table = {name: pa.array([one[name] for one in made], kinds.get(name, pa.string())) for name in made[0]}
    stamps = pa.array([START] * ROWS, pa.timestamp("ns", "UTC"))
    given = {"value": answers} if column == "value" else {"label": answers.astype(int).astype(str)}
    whole = {"model": ["m"] * ROWS, "version": [version] * ROWS, "timestamp": stamps, **table, **given}
    store.insert("predictions", pa.table({**whole, "role": ["primary" if version == "1" else "shadow"] * ROWS}))
    if version == "1":
        labels = {"prediction_id": table["prediction_id"], "timestamp": stamps, "label": TRUTH.astype(str)}
        store.insert("labels", pa.table(labels))


@pytest.mark.parametrize("column", ["value", "label"])
@pytest.mark.parametrize("by", SHARED)
def test_labels_of_the_champion_count_for_the_shadow(store: Store, by: str, column: str) -> None:
    """Whatever they share: every request is matched, the losses are the share of wrong answers, the better one wins."""
    for version, answers in ANSWERS.items():
        serve(store, version, SHARED[by], answers, column)
    found = compare(store, "m", "1", "2", WINDOW, PerformanceSettings())
    assert (found.matched.by, found.matched.rows) == (by, ROWS)
    assert found.matched.lent == (0 if by == "prediction id" else ROWS)  # of the same id the label is both's own
    assert found.paired is not None
    assert found.paired.rows == ROWS
    expected = [float(np.mean(ANSWERS[version] != TRUTH)) for version in ("1", "2")]
    assert [found.paired.champion, found.paired.challenger] == pytest.approx(expected)
    measured = {one.metric: one for one in found.measures}
    assert measured["accuracy"].challenger.value == pytest.approx(1 - expected[1])
    assert found.recommendation.startswith("Promote")


@pytest.mark.parametrize("apart", APART)
def test_what_cannot_be_matched_is_refused_with_what_to_do(store: Store, apart: str) -> None:
    """A key that says not which is which matches nothing; the error counts both sides and names the tag."""
    for version, answers in ANSWERS.items():
        serve(store, version, APART[apart], answers)
    with pytest.raises(LookupError, match=rf"none of {ROWS} predictions .* {ROWS} .* matched.*modelspan.tags\(request"):
        compare(store, "m", "1", "2", WINDOW, PerformanceSettings())


def test_a_shadow_of_some_requests_is_compared_on_those(store: Store) -> None:
    """A shadow that sees a third of the requests: the pairs are that third, and the output says so."""
    serve(store, "1", SHARED["trace"], ANSWERS["1"])
    serve(store, "2", lambda _, row: {"trace_id": f"{row:032x}" if row % 3 == 0 else f"other-{row}"}, ANSWERS["2"])
    found = compare(store, "m", "1", "2", WINDOW, PerformanceSettings())
    assert found.paired is not None
    assert found.paired.rows == found.matched.rows == ROWS / 3
    assert str(found.matched).startswith(f"{ROWS // 3} of {ROWS} predictions of the challenger")


def _hour(number: int) -> Window:
    return Window(START + number * WINDOW_LENGTH, START + (number + 1) * WINDOW_LENGTH)


def _answer(store: Store, number: int, role: str, *, right: float) -> None:
    """An hour of a version's answers, of which a share is right; those of a primary version get labels."""
    rng = np.random.default_rng(number)
    truth = rng.integers(0, 2, ROWS)
    answers = np.where(rng.random(ROWS) < right, truth, 1 - truth).astype(str)
    stamps = pa.array(
        [_hour(number).start + row * timedelta(seconds=6) for row in range(ROWS)], pa.timestamp("ns", "UTC")
    )
    ids = [f"{role}-{number}-{row}" for row in range(ROWS)]
    one = {"model": ["m"] * ROWS, "version": ["2"] * ROWS, "role": [role] * ROWS, "label": answers}
    store.insert("predictions", pa.table({"prediction_id": ids, "timestamp": stamps, **one}))
    if role == "primary":
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": truth.astype(str)}))


def test_a_promoted_shadow_is_compared_with_its_first_answers(store: Store) -> None:
    """Its baseline was learnt while nobody labelled what it said; what it did first as the primary version stands in,
    from when all of it lies before the window."""
    shares = {0: ("shadow", 0.9), 1: ("primary", 0.9), 2: ("primary", 0.9), 3: ("primary", 0.6)}
    for number, (role, right) in shares.items():
        _answer(store, number, role, right=right)
    runner = Runner(store, MonitorsConfig(defaults=ModelSettings(baseline=BaselineSettings(learn=ROWS))))
    found = {
        number: {one.metric: one for one in runner.run_window("m", "2", _hour(number)) if one.signal == "performance"}
        for number in (1, 2, 3)
    }
    assert [found[number]["balanced_accuracy"].verdict.value for number in found] == ["not_compared", "ok", "alarm"]
    said = [found[number]["labels_share"].reason.partition("; ")[2] for number in found]
    assert said[0] == "" and said[1] == said[2] != ""
    assert said[1].startswith("measures are compared with the version's first answers, until 2026-01-05 01:59 UTC")

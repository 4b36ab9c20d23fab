"""Where inputs have a rhythm or a trend: labels and performance beside windows like it, and faults all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from conftest import Predict

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
HOURS, DAYS, ROWS = 6, 15, 400
SETTINGS = ModelSettings.model_validate({"performance": {"alarm_on": ("accuracy",)}})


class Scored:
    """A model whose score is right of a feature, in windows one after the other."""

    def __init__(self, store: Store, predict: Predict, name: str) -> None:
        self.store, self.predict, self.name = store, predict, name
        self.generator = np.random.default_rng(6)

    def answer(self, first: datetime, levels: list[float], sharpness: float = 2, turned: float = 0) -> None:
        """Windows with such a mean of the feature each; `turned` is the share of labels that are the other class."""
        feature = np.concatenate([at + self.generator.normal(size=ROWS) for at in levels])
        score = 1 / (1 + np.exp(-sharpness * feature))
        truth = (self.generator.random(feature.size) < score) != (self.generator.random(feature.size) < turned)
        pairs = [[("yes", one), ("no", 1 - one)] for one in score.tolist()]
        extra = {
            "label": np.where(score > 0.5, "yes", "no").tolist(),
            "scores": pa.array(pairs, pa.map_(pa.string(), pa.float64())),
        }
        start, end = first.replace(tzinfo=None), first + timedelta(hours=HOURS * len(levels))
        self.predict(self.name, pa.table({"feature": feature}), start, HOURS * len(levels), **extra)
        ids = [f"{self.name}-{start.timestamp()}-{row}" for row in range(feature.size)]
        labels = {"prediction_id": ids, "model": [self.name] * feature.size, "timestamp": [end] * feature.size}
        self.store.insert("labels", pa.table({**labels, "label": np.where(truth, "yes", "no").tolist()}))

    def baseline(self, levels: list[float]) -> None:
        """One of windows two months before."""
        first = START - timedelta(days=60)
        self.answer(first, levels)
        window = Window(first, first + timedelta(hours=HOURS * len(levels)))
        baselines.set_from_window(self.store, self.name, "1", window)

    def said(
        self, monitor: Callable[[MonitorContext], list[Result]], metric: str, day: int, quarter: int = 0
    ) -> Result:
        """What a monitor says of a window, which is kept, as a run keeps it."""
        start = START + timedelta(days=day, hours=HOURS * quarter)
        window = Window(start, start + timedelta(hours=HOURS))
        baseline = baselines.active(self.store, self.name, "1")
        context = MonitorContext(self.store, self.name, "1", window, baseline, SETTINGS)
        found = [*data_drift(context), *monitor(context)]
        write_results(self.store, found, "run")
        return next(one for one in found if one.metric == metric)


def test_labels_that_grow_with_what_grows_are_usual_and_others_are_not(shared_store: Store, predict: Predict) -> None:
    """More rows have the label as a feature grows, which the newest windows show; labels that turn are a shift."""
    model = Scored(shared_store, predict, "labelled")
    model.baseline([0.0] * 10)
    model.answer(START, [0.02 * quarter for quarter in range(4 * DAYS)])
    model.answer(START + timedelta(days=DAYS), [0.02 * 4 * DAYS], turned=1)
    usual = model.said(concept, "label_shift", DAYS - 1)
    assert usual.verdict is Verdict.OK
    assert "beside 7 earlier windows like it instead of the baseline" in usual.reason
    turned = model.said(concept, "label_shift", DAYS)
    assert turned.verdict is Verdict.ALARM
    assert "beside 7 earlier windows like it" in turned.reason


def test_rows_that_are_harder_at_night_are_usual_of_a_night(shared_store: Store, predict: Predict) -> None:
    """The rows of nights lie where the score says little; once that is known, nights do not alarm, and a fault does."""
    model = Scored(shared_store, predict, "nightly")
    day = [0.0, 1.5, 1.5, 1.5]
    model.baseline(day * 3)
    for number in range(DAYS):
        model.answer(START + timedelta(days=number), day)
    model.answer(START + timedelta(days=DAYS), [0.0], turned=0.3)
    first = model.said(performance, "accuracy", 1)
    assert first.verdict is Verdict.ALARM
    usual = model.said(performance, "accuracy", DAYS - 1)
    assert usual.verdict is Verdict.OK
    assert "earlier windows like it instead of the baseline" in usual.reason
    assert model.said(performance, "accuracy", DAYS).verdict is Verdict.ALARM


def test_what_gets_worse_as_inputs_grow_alarms(shared_store: Store, predict: Predict) -> None:
    """A trend excuses no performance: the newest windows are nearly as bad."""
    model = Scored(shared_store, predict, "growing")
    model.baseline([2.0] * 10)
    model.answer(START, [2 - 0.03 * quarter for quarter in range(4 * DAYS)])
    assert model.said(performance, "accuracy", DAYS - 1).verdict is Verdict.ALARM


def test_labels_that_alarmed_before_the_trend_was_known_are_explained_by_it(
    shared_store: Store, predict: Predict
) -> None:
    """As they move steadily themselves; labels that turn alarm all the same."""
    model = Scored(shared_store, predict, "explained")
    model.baseline([0.0] * 10)
    model.answer(START, [0.06 * quarter for quarter in range(17)])
    model.answer(START + timedelta(hours=17 * HOURS), [0.06 * 17], turned=1)
    told = [model.said(concept, "label_shift", 0, quarter) for quarter in range(9, 18)]
    assert {one.verdict for one in told[:5]} == {Verdict.ALARM}, "no trend is known yet"
    assert told[7].verdict is Verdict.OK
    assert told[7].details["like_windows"] > 2, "those that alarmed before are among them"
    assert told[8].verdict is Verdict.ALARM


def test_labels_that_jumped_before_a_trend_was_known_are_not_explained_by_it(
    shared_store: Store, predict: Predict
) -> None:
    """They moved once, and not as the inputs did."""
    model = Scored(shared_store, predict, "unexplained")
    model.baseline([0.0] * 10)
    model.answer(START, [0.06 * quarter for quarter in range(8)])
    model.answer(START + timedelta(hours=8 * HOURS), [0.06 * quarter for quarter in range(8, 17)], turned=1)
    told = [model.said(concept, "label_shift", 0, quarter) for quarter in range(9, 17)]
    assert {one.verdict for one in told} == {Verdict.ALARM}

"""A window that is measured again says what its newest measurement says, to every reader of its results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from modelspan_analyzer.checking import ask
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.monitor import ESTIMATION
from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.monitors.signal import Need, Signal, Signals
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.runner.withdrawn import NO_LONGER
from modelspan_analyzer.views.health import checked
from modelspan_collector.store.connect import Store

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WINDOW = Window(END - timedelta(hours=1), END)
ROWS = 1200
RNG = np.random.default_rng(4)
SCORE = RNG.random(ROWS)
TRUTH = (RNG.random(ROWS) < SCORE).astype(int).astype(str)
STORED = """
SELECT signal, metric, value, verdict, reason FROM monitor_results FINAL
WHERE has({signals:Array(String)}, toString(signal))
"""


def predict(store: Store) -> list[str]:
    """An hour of scored predictions without labels."""
    ids = [f"p{row}" for row in range(ROWS)]
    stamps = pa.array([WINDOW.start + timedelta(seconds=row) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    rows = {"model": ["m"] * ROWS, "version": ["1"] * ROWS, "timestamp": stamps, "prediction_id": ids, "value": SCORE}
    store.insert("predictions", pa.table(rows))
    return ids


def baseline(store: Store, **roles: str) -> None:
    """The same rows as a baseline."""
    table = pa.table({"score": SCORE, "truth": TRUTH, "x": SCORE})
    baselines.set_from_table(store, "m", "1", table, score="score", source="test", **roles)


def current(store: Store, *signals: str) -> dict[str, dict[str, Any]]:
    """What is stored of some signals and not withdrawn, by metric."""
    rows = store.rows(STORED, {"signals": list(signals)})
    gone = [row for row in rows if row["reason"] == NO_LONGER]
    assert {(row["value"], row["verdict"]) for row in gone} <= {(None, "skipped")}
    return {row["metric"]: row for row in rows if row["reason"] != NO_LONGER}


def test_estimates_that_are_made_no_longer_are_said_no_longer(store: Store) -> None:
    """Learnt from labels, then from a baseline without any: the estimates go, and come again with the labels."""
    predict(store)
    runner = Runner(store, MonitorsConfig(), signals=Signals.of(ESTIMATION))
    for roles, known in (({"label": "truth"}, True), ({}, False), ({"label": "truth"}, True)):
        baseline(store, **roles)
        found = {one.metric for one in runner.run_window("m", "1", WINDOW)}
        assert ("roc_auc" in found, "estimate" in found) == (known, not known)
        assert set(current(store, ESTIMATION.name)) == found
        health, _ = checked(store, "m")
        assert [one.judged for one in health["m", "1"].signals] == [known]
        unchecked = {one["signal"]: one["reason"] for one in ask(store, "m", "1", now=END, signals=[]).unchecked}
        assert (ESTIMATION.name in unchecked) is not known
        assert NO_LONGER not in unchecked.values()


def test_what_labels_replace_is_withdrawn(store: Store) -> None:
    """A look at late labels withdraws what the signals that read labels say no longer, and nothing of the others."""

    def told(context: MonitorContext) -> list[Result]:
        metric = "with_labels" if context.answers[0].labelled else "without"
        return [context.result("told", metric, 1.0, Verdict.WARNING, n=ROWS, reason="said")]

    def once(context: MonitorContext) -> list[Result]:
        return [context.result("once", "first", 1.0, Verdict.WARNING, n=ROWS, reason="said")]

    ids = predict(store)
    baseline(store, label="truth")
    signals = Signals.of(
        PERFORMANCE, Signal("told", "t", run=told, needs=(Need.LABELS,)), Signal("once", "o", run=once)
    )
    runner, now = Runner(store, MonitorsConfig(), signals=signals), END + timedelta(minutes=5)
    runner.once(now)
    assert set(current(store, "told", "once")) == {"without", "first"}
    stamps = pa.array([END] * ROWS, pa.timestamp("ns", "UTC"))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": TRUTH}))
    runner.once(now)
    assert set(current(store, "told", "once")) == {"with_labels", "first"}


def test_a_monitor_that_failed_leaves_what_it_said(store: Store) -> None:
    """Nothing newer is known; measured at last, the failure is said no longer."""
    fails = iter([False, True, False])

    def measure(context: MonitorContext) -> list[Result]:
        if next(fails):
            raise ZeroDivisionError("nothing to divide by")
        return [context.result("mine", "top", 1.0, Verdict.WARNING, n=ROWS, reason="said")]

    predict(store)
    runner = Runner(store, MonitorsConfig(), signals=Signals.of(Signal("mine", "m", run=measure)))
    for expected in ({"top"}, {"top", "monitor"}, {"top"}):
        runner.run_window("m", "1", WINDOW)
        assert set(current(store, "mine")) == expected

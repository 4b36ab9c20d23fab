"""Many models: the newest windows first, silence for next to nothing, none kept waiting; and how far behind is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.signal import Signal, Signals
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.lag import Lag, lags
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SOON = 2 * MINUTE
"""After a window's end, when it is due."""


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """A store of the test's own, as looks take all models."""
    with databases.one() as opened:
        yield opened


def predict(store: Store, model: str, hours: float, start: datetime = START, version: str = "1") -> None:
    """Two hundred predictions an hour."""
    rows = round(200 * hours)
    rng = np.random.default_rng(rows)
    stamps = round(start.timestamp()) * 10**9 + np.arange(rows) * int(18e9)
    identity = {"model": [model] * rows, "version": [version] * rows}
    identity["prediction_id"] = [f"{version}-{stamp}" for stamp in stamps]
    values = {"timestamp": pa.array(stamps).cast(pa.timestamp("ns", "UTC")), "value": rng.random(rows)}
    features = feature_maps(pa.table({"age": rng.normal(0, 1, rows)}))
    store.insert("predictions", pa.table({**identity, **values, **features}))


class Watch:
    """A monitor that remembers in which order it was run."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.signals = Signals.of(Signal("watch", "watch", run=self._run), DATA_QUALITY)

    def _run(self, context: MonitorContext) -> list[Result]:
        self.seen.append((context.model, (context.window.start - START) // HOUR))
        return [context.result("watch", "watched", 1.0, Verdict.OK, n=context.current.rows, threshold=2.0)]


def config(**settings: object) -> MonitorsConfig:
    """A configuration of all models."""
    workers = {"workers": settings.pop("workers", 1)}
    return MonitorsConfig.model_validate({"defaults": {"baseline": {"learn": 100}, **settings}, **workers})


def test_of_many_windows_the_newest_comes_first_and_again_in_its_turn(store: Store) -> None:
    """So that what is newest is known soon, and in the end judged beside what came before it."""
    predict(store, "late", 7)
    watch = Watch()
    results = Runner(store, config(), signals=watch.signals).once(START + 7 * HOUR + SOON)
    assert [hour for _, hour in watch.seen] == [6, 0, 1, 2, 3, 4, 5, 6]
    measured = [(one.window, one.metric) for one in results if one.signal == "watch"]
    assert len(measured) == len(set(measured)) == 7


@pytest.mark.parametrize("workers", [1, 3])
def test_a_model_that_is_far_behind_delays_no_other(store: Store, workers: int) -> None:
    """Every model's newest window is looked at before the second one of any."""
    predict(store, "a-long-backlog", 9)
    for model in ("b", "c"):
        predict(store, model, 1, START + 8 * HOUR)
    watch = Watch()
    Runner(store, config(workers=workers), signals=watch.signals).once(START + 9 * HOUR + SOON)
    assert set(watch.seen[:3]) == {("a-long-backlog", 8), ("b", 8), ("c", 8)}
    assert len(watch.seen) == 9 + 1 + 2


def test_what_is_left_of_a_look_is_made_up_for_by_the_next(store: Store) -> None:
    """A look ends when the next one is due; no window is lost, and the newest one still comes first."""
    predict(store, "long", 9)
    watch = Watch()
    runner = Runner(store, config(), signals=watch.signals)
    runner._look(START + 7 * HOUR + SOON, None, enough=lambda: True)
    assert [hour for _, hour in watch.seen] == [6]
    runner.once(START + 9 * HOUR + SOON)
    assert watch.seen[1][1] == 8
    looked = store.rows("SELECT DISTINCT window_start FROM monitor_runs FINAL WHERE monitor = '' AND outcome = 'done'")
    assert len(looked) == 9


def test_of_what_is_left_only_a_newer_window_comes_before_the_oldest(store: Store) -> None:
    """Looks that are cut short do not work their way from the newest window back, each judged without what came before
    it: of those that are left none is news."""
    predict(store, "long", 9)
    watch = Watch()
    runner = Runner(store, config(), signals=watch.signals)
    for closed in (8, 8, 8, 9, 9):
        runner._look(START + closed * HOUR + SOON, None, enough=lambda: True)
    assert [hour for _, hour in watch.seen] == [7, 0, 1, 8, 2]


def test_a_newest_window_that_came_first_is_judged_again_when_a_later_look_has_made_up_for_those_before_it(
    store: Store,
) -> None:
    """However many looks that takes: it was judged without what came before it. Once is enough."""
    predict(store, "long", 7)
    watch = Watch()
    runner = Runner(store, config(), signals=watch.signals)
    for _ in range(10):
        runner._look(START + 7 * HOUR + SOON, None, enough=lambda: True)
    assert [hour for _, hour in watch.seen] == [6, 0, 1, 2, 3, 4, 5, 6]


STILL: dict[str, dict[str, Any]] = {
    "windows of hours": {"window": {"size": "1h"}},
    "windows of a quarter": {"window": {"size": "15m"}},
    "sliding windows": {"window": {"size": "2h", "slide": "1h"}},
    "windows of an odd length": {"window": {"size": "50m"}},
    "a limit of age": {"data_quality": {"max_age": 600}},
    "a batch": {"expects": "batch every 12h"},
}


@pytest.mark.parametrize("settings", STILL.values(), ids=STILL)
def test_windows_of_a_silence_have_the_results_that_all_monitors_would_give(
    store: Store, settings: dict[str, Any]
) -> None:
    """Whatever the windows: recorded are volume, freshness and all that could not be looked at, as if all were run."""
    predict(store, "silent", 3)
    predict(store, "moved", 3)
    predict(store, "moved", 2, START + 3 * HOUR, "2")
    given, watch = config(**settings), Watch()
    runner = Runner(store, given, signals=watch.signals)
    passed: list[Result] = []
    for hour in range(3, 6):
        passed = [one for one in runner.once(START + hour * HOUR + SOON) if one.version == "1"]
    assert passed
    looked = len(watch.seen)
    for window in sorted({one.window for one in passed}, key=lambda window: window.start):
        for model in ("silent", "moved"):
            carried = {_key(one): one for one in passed if (one.model, one.window) == (model, window)}
            if not carried or window.start < START + 3 * HOUR:
                continue
            measured = {_key(one): one for one in runner.run_window(model, "1", window)}
            assert carried == measured
    assert len(watch.seen) > looked, "no window of the silence was measured again, to be compared"


def _key(result: Result) -> tuple[str, ...]:
    return result.signal, result.metric, result.feature, result.segment


def test_a_silence_is_recorded_window_by_window_and_alarms(store: Store) -> None:
    """Only the first is measured by all monitors; nobody takes the others for looked at by more than they were."""
    predict(store, "silent", 6)
    watch = Watch()
    runner = Runner(store, config(), signals=watch.signals)
    for hour in range(6, 12):
        runner.once(START + hour * HOUR + SOON)
    assert [hour for _, hour in watch.seen if hour >= 6] == [6]
    rows = store.rows(
        "SELECT window_start, verdict, value FROM monitor_results FINAL WHERE metric = 'volume' ORDER BY window_start"
    )
    assert [(row["value"], row["verdict"]) for row in rows[-5:]] == [(0.0, "alarm")] * 5
    ages = store.rows("SELECT value FROM monitor_results FINAL WHERE metric = 'freshness' ORDER BY window_start DESC")
    assert ages[0]["value"] - ages[1]["value"] == 3600
    runs = store.rows("SELECT monitor, count() AS n FROM monitor_runs FINAL WHERE window_start >= {t:DateTime64(9)} "
                      "GROUP BY monitor ORDER BY monitor", {"t": START + 6 * HOUR})  # fmt: skip
    assert {row["monitor"]: row["n"] for row in runs} == {"": 5, "data_quality": 1, "watch": 1}


def test_a_model_that_comes_back_is_measured_again(store: Store) -> None:
    """What came after a silence, late or in time, is looked at in full."""
    predict(store, "back", 5)
    watch = Watch()
    runner = Runner(store, config(), signals=watch.signals)
    for hour in (6, 7, 8):
        runner.once(START + hour * HOUR + SOON)
    predict(store, "back", 1, START + 6 * HOUR)  # of a window that was passed over
    predict(store, "back", 1, START + 8 * HOUR)
    watch.seen.clear()
    runner = Runner(store, runner.config, signals=watch.signals, clock=lambda: START + 12 * HOUR)
    runner.once(START + 9 * HOUR + SOON)
    assert {hour for _, hour in watch.seen} == {6, 8}


def test_how_far_behind_the_analyzer_is_can_be_told_from_the_store_alone(store: Store) -> None:
    """By model: windows that are due and wait, those between others that were left out, and none of a silent model."""
    predict(store, "live", 8)
    predict(store, "silent", 3)
    watch = Watch()
    runner = Runner(store, config(), signals=watch.signals)
    runner.once(START + 4 * HOUR + SOON)
    assert lags(store, START + 4 * HOUR + SOON) == [Lag("live", "1", 0.0, 0), Lag("silent", "1", 0.0, 0)]
    assert lags(store, START + 7 * HOUR + MINUTE)[0] == Lag("live", "1", 7200.0, 3)
    runner.run_window("live", "1", Window(START + 6 * HOUR, START + 7 * HOUR))
    assert lags(store, START + 7 * HOUR + MINUTE)[0] == Lag("live", "1", 7200.0, 2)


def test_windows_by_count_have_no_lag(store: Store) -> None:
    """They wait until they are full."""
    predict(store, "counted", 5)
    Runner(store, config(window={"rows": 170}), signals=Watch().signals).once(START + 5 * HOUR + SOON)
    assert lags(store, START + 50 * HOUR) == []

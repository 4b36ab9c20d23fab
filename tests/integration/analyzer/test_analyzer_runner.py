"""The runner: every window once, whoever runs, whatever fails."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors.signal import Signal, Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUNS = "SELECT window_start, outcome, error FROM monitor_runs FINAL WHERE monitor = '' ORDER BY window_start"


@pytest.fixture
def store(shared_store: Store) -> Iterator[Store]:
    """The module's store, emptied after each test: that is faster than a new one."""
    yield shared_store
    tables = "SELECT name FROM system.tables WHERE database = {name:String} AND engine LIKE '%MergeTree'"
    for row in shared_store.rows(tables, {"name": shared_store.database}):
        if row["name"] != "schema_migrations":
            shared_store.command(f"TRUNCATE TABLE {row['name']}")


def predict(store: Store, hours: int, *, per_hour: int = 200, shift: float = 0.0, start: datetime = START) -> None:
    """Store normal predictions, evenly over some hours."""
    rows = hours * per_hour
    rng = np.random.default_rng(hours)
    spacing = int(3600e9 / per_hour)
    stamps = int(start.timestamp()) * 10**9 + np.arange(rows) * spacing
    columns = pa.table({"age": rng.normal(shift, 1, rows), "plan": rng.choice(["a", "b"], rows)})
    identity = {"model": ["churn"] * rows, "version": ["1"] * rows}
    ids = [f"{start.timestamp()}-{row}" for row in range(rows)]
    times = pa.array(stamps).cast(pa.timestamp("ns", "UTC"))
    values = {"timestamp": times, "prediction_id": ids, "value": rng.random(rows)}
    store.insert("predictions", pa.table({**identity, **values, **feature_maps(columns)}))


def config(**settings: object) -> MonitorsConfig:
    """A configuration of all models."""
    return MonitorsConfig.model_validate({"defaults": {"baseline": {"learn": 200}, **settings}})


def test_every_window_is_run_once_and_missed_ones_are_made_up(store: Store) -> None:
    """A first look catches up with every closed window after the learnt baseline; a second finds nothing to do."""
    predict(store, 6)
    runner = Runner(store, config())
    first = runner.once(START + 4 * HOUR + timedelta(minutes=2))
    assert {result.window.start for result in first} == {START + number * HOUR for number in (1, 2, 3)}
    assert runner.once(START + 4 * HOUR + timedelta(minutes=3)) == []
    later = Runner(store, config()).once(START + 6 * HOUR + timedelta(minutes=2))
    assert {result.window.start for result in later} == {START + number * HOUR for number in (4, 5)}
    assert [row["outcome"] for row in store.rows(RUNS)] == ["done"] * 5


def test_the_baseline_is_learnt_and_says_so(store: Store) -> None:
    """Without a baseline the first predictions become it, and its source tells."""
    predict(store, 3)
    Runner(store, config()).once(START + 3 * HOUR + timedelta(minutes=2))
    row = store.rows("SELECT kind, source, rows FROM baselines")[0]
    assert (row["kind"], row["rows"]) == ("learnt", 200)
    assert "nothing was given" in row["source"]


def test_nothing_is_compared_with_itself(store: Store) -> None:
    """The version that others are compared with was always "ok": it has a baseline of its own, learnt or set."""
    predict(store, 3)
    columns = "model, timestamp, prediction_id, value, numeric_features, categorical_features"
    store.command(f"INSERT INTO predictions (version, {columns}) SELECT '2', {columns} FROM predictions")
    against = config(baseline={"learn": 200, "version": "1"})
    results = Runner(store, against).once(START + 3 * HOUR + timedelta(minutes=2))
    drift = [result for result in results if result.signal == "data_drift" and result.window.start > START]
    kinds = {(result.version, result.baseline_id.split(":")[0]) for result in drift if result.baseline_id}
    (learnt,) = store.rows("SELECT baseline_id, version FROM baselines")
    assert learnt["version"] == "1"
    assert kinds == {("1", learnt["baseline_id"]), ("2", "version")}


def test_too_few_predictions_to_learn_from_never_alarm(store: Store) -> None:
    """While the baseline is being learnt the results say so."""
    predict(store, 1, per_hour=100)
    results = Runner(store, config()).once(START + HOUR + timedelta(minutes=2))
    quiet = {Verdict.NOT_ENOUGH_DATA, Verdict.NOT_COMPARED, Verdict.OK, Verdict.SKIPPED}
    assert {result.verdict for result in results} <= quiet
    assert any("learning the baseline, 100 of 200" in result.reason for result in results)


def test_two_analyzers_share_the_windows(store: Store) -> None:
    """Two analyzers on one store, at once: each window has one run, and no result is doubled."""
    predict(store, 9)
    runners = [Runner(store, config()), Runner(store, config())]
    moment = START + 9 * HOUR + timedelta(minutes=2)
    threads = [threading.Thread(target=runner.once, args=(moment,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = store.rows("SELECT window_start, uniqExact(run_id) AS runs FROM monitor_runs GROUP BY window_start")
    assert len(runs) == 8
    assert {row["runs"] for row in runs} == {1}
    twice = (
        "SELECT count() AS n FROM monitor_results FINAL "
        "GROUP BY window_start, signal, metric, feature, segment HAVING n > 1"
    )
    assert store.rows(twice) == []


def test_a_failing_monitor_fails_alone(store: Store) -> None:
    """The others' results are there, and the failure is a result and a run with its error."""

    def fail(_: object) -> list[object]:
        raise ZeroDivisionError("nothing to divide by")

    broken = Signal("broken", "broken", run=fail)  # type: ignore[arg-type]
    predict(store, 2)
    results = Runner(store, config(), signals=Signals.of(broken, *SIGNALS.values())).run_window(
        "churn", "1", Window(START + HOUR, START + 2 * HOUR)
    )
    failed = [result for result in results if result.verdict is Verdict.ERROR]
    assert [result.reason for result in failed] == ["ZeroDivisionError: nothing to divide by"]
    assert any(result.metric == "psi" for result in results)
    outcomes = {row["monitor"]: row["outcome"] for row in store.rows("SELECT monitor, outcome FROM monitor_runs FINAL")}
    assert (outcomes["broken"], outcomes["data_drift"]) == ("failed", "done")


def test_a_window_of_a_dead_analyzer_is_taken_over(store: Store) -> None:
    """A claim whose holder died is run again once it expires, and its results replace what there was."""
    predict(store, 3)
    moment = START + 3 * HOUR + timedelta(minutes=2)

    class Killed(BaseException):
        """Stands for the end of the process."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    dying = Runner(store, config(), clock=lambda: moment)
    dying._run = die  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        dying.once(moment)
    next_one = Runner(store, config(), clock=lambda: moment + timedelta(minutes=1))
    assert {result.window.start for result in next_one.once()} == {START + 2 * HOUR}
    after_expiry = Runner(store, config(), clock=lambda: moment + timedelta(minutes=30))
    assert {result.window.start for result in after_expiry.once()} >= {START + HOUR}


def test_the_time_budget_ends_a_run(store: Store) -> None:
    """Monitors that would begin after the budget say so instead of running."""
    predict(store, 2)
    ticks = iter(START + timedelta(minutes=20 * number) for number in range(1000))
    runner = Runner(store, config(schedule={"time_budget": "10m"}), clock=lambda: next(ticks))
    results = runner.run_window("churn", "1", Window(START + HOUR, START + 2 * HOUR))
    assert {result.verdict for result in results} == {Verdict.ERROR}
    assert "time budget" in results[0].reason
    assert store.rows(RUNS)[0]["outcome"] == "timeout"


def test_windows_by_count(store: Store) -> None:
    """Windows of so many predictions follow each other without gap, and go on where they ended."""
    predict(store, 5)
    settings = config(window={"rows": 250})
    first = Runner(store, settings).once(START + 3 * HOUR)
    second = Runner(store, settings).once(START + 5 * HOUR + timedelta(minutes=2))
    windows = sorted({result.window for result in [*first, *second]}, key=lambda window: window.start)
    assert len(windows) == 3
    assert all(left.end == right.start for left, right in itertools.pairwise(windows))
    counts = {result.n for result in [*first, *second] if result.metric == "volume"}
    assert counts == {250}


def test_sliding_windows_overlap(store: Store) -> None:
    """A slide shorter than the size gives overlapping windows, each once."""
    predict(store, 4)
    settings = config(window={"size": "1h", "slide": "30m"})
    results = Runner(store, settings).once(START + 3 * HOUR + timedelta(minutes=2))
    starts = sorted({result.window.start for result in results})
    assert {right - left for left, right in itertools.pairwise(starts)} == {timedelta(minutes=30)}


def test_an_empty_window_is_one_too(store: Store) -> None:
    """That nothing came is a result: the volume monitor alarms on it."""
    predict(store, 6)
    results = Runner(store, config()).once(START + 7 * HOUR + timedelta(minutes=2))
    empty = [result for result in results if result.window.start == START + 6 * HOUR and result.metric == "volume"]
    assert [(result.value, result.verdict) for result in empty] == [(0.0, Verdict.ALARM)]


def test_what_lies_beyond_the_data_is_not_judged(store: Store) -> None:
    """Of a window within which the data end, neither how much came nor how old the newest is says anything."""
    predict(store, 6)
    runner, window = Runner(store, config(data_quality={"max_age": 60})), Window(START + 5 * HOUR, START + 7 * HOUR)
    whole, part = (runner.run_window("churn", "1", window, partial=partial) for partial in (False, True))
    verdicts = [{result.metric: result.verdict for result in results} for results in (whole, part)]
    assert verdicts[0]["freshness"] is Verdict.ALARM
    assert {verdicts[1][metric] for metric in ("freshness", "volume")} == {Verdict.NOT_COMPARED}


def test_the_schedule_runs_in_a_thread(store: Store) -> None:
    """Started, the runner looks at once, and stops when told."""
    predict(store, 3)
    runner = Runner(store, config(), clock=lambda: START + 3 * HOUR + timedelta(minutes=2))
    looked = threading.Event()
    original = runner._look

    def look(*arguments: object) -> object:
        try:
            return original(*arguments)  # type: ignore[arg-type]
        finally:
            looked.set()

    runner._look = look  # type: ignore[method-assign,assignment]
    runner.start()
    assert looked.wait(30)
    runner.stop()
    assert len(store.rows(RUNS)) == 2

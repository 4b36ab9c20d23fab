"""A few windows of `benchmarks/alarms_pipeline.py`: from rows in the store to verdicts, without a false alarm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelspan_analyzer.reading.profiles import read
from modelspan_collector.store.connect import Store

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.mark.parametrize(
    ("fewest", "own"), [(0, False), (2_000, True)], ids=["from sketches", "from rows, with more of its own"]
)
def test_calm_windows_raise_nothing_through_the_whole_pipeline(
    store: Store, monkeypatch: pytest.MonkeyPatch, fewest: int, own: bool
) -> None:
    """Every feature of every window has its verdict, and nothing alarms, from sketches as from rows; nor do metrics, a
    target, slices, an experiment and a stage of its own."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(read, "FEW_ROWS", fewest)
    import alarms_pipeline

    monkeypatch.setattr(alarms_pipeline, "PER_BASELINE", 4)
    batch = alarms_pipeline.Batch("quiet", "breast-cancer", rows=500, number=0, size=2_000, seed=1, own=own)
    counted = alarms_pipeline.quiet(store, batch, np.random.default_rng(1))
    assert (counted.windows, counted.any_alarm, dict(counted.by_monitor)) == (4, 0, {})
    whole = "SELECT count() FROM monitor_results FINAL WHERE segment = '' AND signal"
    judged = f"{whole} = 'data_drift' AND metric = 'psi' AND n = 500"
    sketched = judged + " AND JSONExtractFloat(details, 'rank_error') > 0"
    assert store.scalar(judged) == 4 * 30
    assert store.scalar(sketched) == (0 if fewest else 4 * 30)
    looked = "SELECT uniqExact(signal) FROM monitor_results FINAL WHERE isNotNull(p_value) AND isNotNull(threshold)"
    assert store.scalar(looked) >= 6
    of_own = "signal IN ('metrics', 'experiments') AND value IS NOT NULL"
    kinds = f"SELECT uniqExact(metric), uniqExact(segment) FROM monitor_results FINAL WHERE {of_own}"
    assert tuple(next(iter(store.rows(kinds))).values()) == ((11, 6) if own else (0, 0))
    staged = "SELECT countIf(verdict = 'ok'), count() FROM monitor_results FINAL WHERE signal = 'lifecycle'"
    assert tuple(next(iter(store.rows(staged))).values()) == ((8, 8) if own else (0, 0))


def test_a_fault_is_found_named_first_and_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature that is half a standard deviation higher: the incident names it first, and nothing else alarms."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import alarms_pipeline

    batch = alarms_pipeline.Batch("faults", "breast-cancer", 500, number=0, size=2_000, seed=1, faults=("half-sd",))
    (found,) = alarms_pipeline.faulty(store, batch, np.random.default_rng(1))
    assert (found.oracle, found.at_once, found.named_first, found.unrelated) == (1, 1, 1, 0)

"""A few windows of `benchmarks/alarms_pipeline.py`: from rows in the store to verdicts, without a false alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelspan_analyzer.reading.profiles import read
from modelspan_collector.store.connect import Store

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
SIGNALS = ("data_drift", "data_quality")


@pytest.mark.parametrize("fewest", [0, 2_000], ids=["from sketches", "from rows"])
def test_calm_windows_raise_nothing_through_the_whole_pipeline(
    store: Store, monkeypatch: pytest.MonkeyPatch, fewest: int
) -> None:
    """Every feature of every window has its verdict, and none is more than in order, from sketches as from rows."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(read, "FEW_ROWS", fewest)
    import alarms_pipeline

    windows = list(alarms_pipeline.look(store, "gaussian", 500, 6, SIGNALS))
    assert [dict(found) for found in windows] == [{}] * 6
    judged = "SELECT count() FROM monitor_results FINAL WHERE signal = 'data_drift' AND metric = 'psi' AND n = 500"
    sketched = judged + " AND JSONExtractFloat(details, 'rank_error') > 0"
    assert store.scalar(judged) == 6 * 30
    assert store.scalar(sketched) == (0 if fewest else 6 * 30)
    assert store.scalar(judged + " AND verdict != 'ok'") == 0

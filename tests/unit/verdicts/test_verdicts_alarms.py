"""A handful of the windows of `benchmarks/alarms.py`: the default rule keeps its two promises."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def alarms(monkeypatch):
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import alarms

    yield alarms
    for name in ("alarms", "alarm_peers", "alarm_streams"):
        sys.modules.pop(name)


@pytest.mark.parametrize("stream", ["gaussian", "heavy-tailed", "adult", "elec2"])
def test_default_rule_is_quiet_without_drift_and_names_a_shift(alarms, shared_data, stream):
    """No false alarm in fifty windows of 100 and of 1,000 rows, and at least 95 % of shifts at 1,000 rows named."""
    pool = alarms.STREAMS[stream](np.random.default_rng(7))

    def make(baseline):
        return alarms.modelspan_judge(baseline, pool.numeric, 0)

    def trial(rows, windows):
        return alarms.Trial(pool, rows, windows, alarms.BASELINE_ROWS)

    assert alarms.false_alarms(trial(100, 50), make) == 0
    assert alarms.false_alarms(trial(1000, 50), make) == 0
    assert alarms.named_shifts(trial(1000, 40), make) >= 38


def test_peers_rules_are_not_quiet(alarms):
    """The measurement can fail: a test at 0.05 for each of 30 features alarms in most windows."""
    pool = alarms.STREAMS["gaussian"](np.random.default_rng(7))
    trial = alarms.Trial(pool, 100, 10, alarms.BASELINE_ROWS)
    found = alarms.false_alarms(trial, lambda baseline: alarms.tests_judge(baseline, pool.numeric, 100))
    assert found >= 3

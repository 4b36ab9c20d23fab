"""The runner measures a window again when labels come in later, and ends where it would with all labels at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from modelspan_analyzer.config.settings import BaselineSettings, ModelSettings, MonitorsConfig
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.runner import Runner
from modelspan_collector.store.connect import Store

END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
START = END - timedelta(hours=3)
ROWS = 900
RESULTS = """
SELECT window_start, signal, metric, feature, segment, value, lower, upper, verdict FROM monitor_results FINAL
WHERE signal = 'performance' ORDER BY ALL
"""


def test_late_labels_are_taken_up(store: Store) -> None:
    """No labels, then half, then all with corrections: the share grows, and the end is the same as measuring afresh."""
    generator = np.random.default_rng(0)
    score = generator.random(ROWS)
    times = pa.array([START + timedelta(hours=3) * (i / ROWS) for i in range(ROWS)], pa.timestamp("ns", "UTC"))
    ids = [f"p{i}" for i in range(ROWS)]
    table = {
        "model": ["m"] * ROWS,
        "version": ["1"] * ROWS,
        "timestamp": times,
        "prediction_id": ids,
        "value": score,
        "label": (score > 0.5).astype(int).astype(str),
    }
    store.insert("predictions", pa.table(table))
    truth = (generator.random(ROWS) < score).astype(int)
    config = MonitorsConfig(defaults=ModelSettings(baseline=BaselineSettings(learn=200)))
    runner = Runner(store, config)
    now = END + timedelta(minutes=5)
    runner.once(now)
    shares = [[row["value"] for row in store.rows(RESULTS) if row["metric"] == "labels_share"]]
    for chosen in (np.arange(0, ROWS, 2), generator.permutation(ROWS)):
        known = pa.array([END + timedelta(seconds=float(i)) for i in chosen], pa.timestamp("ns", "UTC"))
        labels = truth[chosen] if len(chosen) == ROWS else 1 - truth[chosen]
        given = {"prediction_id": [ids[i] for i in chosen], "timestamp": known, "label": labels.astype(str)}
        store.insert("labels", pa.table(given))
        runner.once(now)
        assert runner.once(now) == [], "the same labels were measured again"
        shares.append([row["value"] for row in store.rows(RESULTS) if row["metric"] == "labels_share"])
    assert set(shares[0]) == {0.0}
    assert all(0.4 < share < 0.6 for share in shares[1])
    assert set(shares[2]) == {1.0}
    late = store.rows(RESULTS)
    assert any(row["metric"] == "roc_auc" for row in late)
    store.command("TRUNCATE TABLE monitor_results")
    for window in {(row["window_start"]) for row in late}:
        begin = window if window.tzinfo else window.replace(tzinfo=UTC)
        runner.run_window("m", "1", Window(begin, begin + timedelta(hours=1)))
    assert store.rows(RESULTS) == late

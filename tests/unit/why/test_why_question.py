"""Which question a monitor's result raises, for the monitors that look at whole rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why.question import question

START = datetime(2026, 5, 4, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


@pytest.mark.parametrize(
    ("signal", "metric", "facts", "kind", "feature"),
    [
        ("multivariate", "domain_classifier_auc", {"details": {"features": ["age", "plan"]}}, "drift", "age"),
        ("multivariate", "reconstruction_error", {}, "prediction_drift", ""),
        ("embedding", "mmd", {"feature": "text"}, "drift", "text"),
        ("embedding", "null_rate", {"feature": "text"}, "missing", "text"),
        ("poisoning", "outlier_rate", {}, "prediction_drift", ""),
        ("poisoning", "near_duplicate_rate", {}, "prediction_drift", ""),
        ("poisoning", "label_flip_rate", {}, "wrong", ""),
    ],
)
def test_findings_about_whole_rows_can_be_asked_about(
    signal: str, metric: str, facts: dict[str, Any], kind: str, feature: str
) -> None:
    """Of features together the one that changed most is asked about; rows without one by their prediction."""
    asked = question(Result("m", "1", WINDOW, signal, metric, 0.7, Verdict.ALARM, **facts))
    assert (asked.kind, asked.feature, asked.window) == (kind, feature, WINDOW)

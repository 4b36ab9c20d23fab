"""Two versions are compared over the time in which both answered; what that was, and what was wrong in it, is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.comparison.compare import compare
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.incidents import update
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = Window(START - timedelta(hours=1), START + timedelta(days=1))
SETTINGS = PerformanceSettings(alarm_on=("accuracy",))
CALM, BROKEN = 0.9, 0.5
"""Shares of right answers."""


def serve(
    store: Store, version: str, first: int, minutes: int, right: dict[int, float] | float, requests: str = ""
) -> None:
    """A version that answers 100 requests a minute; how often rightly, by the minute from which on it holds."""
    rng = np.random.default_rng([first, minutes])
    rows = minutes * 100
    at = first + np.arange(rows) / 100
    steps = right if isinstance(right, dict) else {first: right}
    chance = np.select(
        [at >= minute for minute in sorted(steps, reverse=True)], [steps[m] for m in sorted(steps)[::-1]]
    )
    truth = rng.integers(0, 2, rows)
    label = np.where(rng.random(rows) < chance, truth, 1 - truth).astype(str)
    when = pa.array([START + MINUTE * float(one) for one in at], pa.timestamp("ns", "UTC"))
    ids = [f"{version}-{row}" for row in range(rows)]
    tags = [[("request", f"{requests}{row}")] if requests else [] for row in range(rows)]
    store.insert(
        "predictions",
        pa.table(
            {
                "model": ["m"] * rows, "version": [version] * rows, "timestamp": when, "prediction_id": ids,
                "label": label, "tags": pa.array(tags, pa.map_(pa.string(), pa.string())),
            }
        ),
    )  # fmt: skip
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": when, "label": truth.astype(str)}))


def test_faults_before_the_challenger_came_are_not_held_against_the_champion(store: Store) -> None:
    """Half an hour with a fault against four clean minutes: only the four are compared, and nothing is sure."""
    serve(store, "1", 0, 30, {0: BROKEN, 26: CALM})
    serve(store, "2", 26, 4, CALM)
    found = compare(store, "m", "1", "2", DAY, SETTINGS)
    assert found.recommendation.startswith("Wait")
    assert (found.matched.champion_rows, found.matched.challenger_rows) == (400, 400)
    assert "2026-01-05 00:26 to 2026-01-05 00:29 UTC, when both answered; no incident was open" in str(found.period)


def test_a_difference_at_the_same_time_is_sure(store: Store) -> None:
    """What is worse beside the other, and not before it, keeps or promotes as ever."""
    serve(store, "1", 0, 30, 0.7)
    serve(store, "2", 20, 20, CALM)
    assert compare(store, "m", "1", "2", DAY, SETTINGS).recommendation.startswith("Promote")
    assert compare(store, "m", "2", "1", DAY, SETTINGS).recommendation.startswith("Keep")


def test_versions_of_different_times_are_not_compared(store: Store) -> None:
    """The error says when each answered, how often, why that tells nothing and what to do."""
    serve(store, "1", 0, 30, {0: BROKEN})
    serve(store, "2", 31, 4, CALM)
    with pytest.raises(LookupError, match=r"1 made 3,000 predictions from .* 2 made 400 .* not the versions; let both"):
        compare(store, "m", "1", "2", DAY, SETTINGS)


def test_the_same_requests_are_compared_whenever_they_were_answered(store: Store) -> None:
    """A challenger that answers yesterday's requests again has all that it needs; the output says so."""
    serve(store, "1", 0, 10, 0.7, requests="r")
    serve(store, "2", 100, 10, 0.95, requests="r")
    found = compare(store, "m", "1", "2", DAY, SETTINGS)
    assert found.paired is not None
    assert "at different times: only shared requests count" in str(found.period)


def test_too_few_labels_at_the_same_time_are_waited_for(store: Store) -> None:
    """However different they look."""
    serve(store, "1", 0, 30, 0.0)
    serve(store, "2", 29, 10, 1.0)
    settings = PerformanceSettings(alarm_on=("accuracy",), min_rows=200)
    said = compare(store, "m", "1", "2", DAY, settings).recommendation
    assert said.startswith("Wait for more labels: ")
    assert "200 of each are needed" in said


def test_incidents_of_the_time_are_named_and_nothing_is_promoted_over_them(store: Store) -> None:
    """An incident of either version that was open then may be what the difference is."""
    serve(store, "1", 0, 30, 0.7)
    serve(store, "2", 0, 30, CALM)
    alarm = Result("m", "1", Window(START, START + MINUTE), "data_quality", "volume", 0.0, Verdict.ALARM)
    (incident,) = update(store, [alarm], START + 2 * MINUTE)
    found = compare(store, "m", "1", "2", DAY, SETTINGS)
    assert incident.incident_id in str(found.period)
    assert found.recommendation.startswith("Look at what was wrong then before you promote the challenger")

"""Multivariate drift on real rows: no alarm without a change, an alarm when only the features' ties change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.multivariate.monitor import multivariate
from modelspan_analyzer.monitors.multivariate.normal import stretches, usual_auc, usual_shift
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.samples.thinned import thinned
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.domain_trees import domain_trees
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
Predict = Callable[..., None]


def look(store: Store, model: str, hour: int = 0, settings: dict[str, Any] | None = None) -> list[Result]:
    """What the monitor says of one hour."""
    start = START + timedelta(hours=hour)
    return multivariate(context(store, model, Window(start, start + timedelta(hours=1)), settings))


def context(store: Store, model: str, window: Window, settings: dict[str, Any] | None = None) -> MonitorContext:
    """A window as monitors see it."""
    chosen = ModelSettings.model_validate({"multivariate": settings or {}})
    return MonitorContext(store, model, "1", window, baselines.active(store, model, "1"), chosen)


def alarms(results: list[Result]) -> set[str]:
    """The measures that alarm."""
    return {result.metric for result in results if result.verdict is Verdict.ALARM}


@pytest.fixture(scope="module")
def adult(shared_data: Path) -> pd.DataFrame:
    """The features of real people."""
    return pd.read_csv(shared_data / "adult.csv", skipinitialspace=True).drop(columns="income_bin")


def test_resampled_rows_do_not_alarm_and_loose_ones_do(
    shared_store: Store, predict: Predict, adult: pd.DataFrame
) -> None:
    """Twenty windows of the baseline's population raise nothing; one with columns permuted among its rows alarms."""
    shuffled = adult.sample(frac=1, random_state=1)
    baselines.set_from_table(
        shared_store, "adult", "1", pa.Table.from_pandas(shuffled[:5000], preserve_index=False), source="test"
    )
    for hour in range(20):
        rows = shuffled[5000 + hour * 1000 :][:1000]
        predict("adult", pa.Table.from_pandas(rows, preserve_index=False), START + timedelta(hours=hour))
    loose = shuffled[:1000].copy()
    for column in ("education-num", "sex", "age"):
        loose[column] = loose[column].sample(frac=1, random_state=2).to_numpy()
    predict("adult", pa.Table.from_pandas(loose, preserve_index=False), START + timedelta(hours=20))
    found = [look(shared_store, "adult", hour, {"max_rows": 1000}) for hour in range(20)]
    assert [alarms(results) for results in found] == [set()] * 20
    assert all(result.value is not None for results in found for result in results)
    assert alarms(look(shared_store, "adult", 20)) == {"reconstruction_error", "domain_classifier_auc"}


def test_ties_that_come_loose_are_found(shared_store: Store, predict: Predict) -> None:
    """Two features of ten that went together no longer do: each alone looks the same, and together they alarm."""
    rng = np.random.default_rng(1)

    def rows(count: int, tie: float) -> pa.Table:
        common, own = rng.normal(size=(count, 4)), rng.normal(size=(count, 10))
        values = np.sqrt(1 - 0.7) * own
        values[:, :8] += np.sqrt(0.7) * np.repeat(common, 2, axis=1)
        values[:, 8:] = own[:, 8:]
        values[:, 1] = tie * values[:, 0] + np.sqrt(1 - tie**2) * own[:, 1]
        return pa.table({f"x{place}": values[:, place] for place in range(10)})

    baselines.set_from_table(shared_store, "ties", "1", rows(5000, 0.9), source="test")
    predict("ties", rows(2000, 0.9), START)
    predict("ties", rows(2000, -0.2), START + timedelta(hours=1))
    assert alarms(look(shared_store, "ties", 0)) == set()
    found = look(shared_store, "ties", 1)
    assert alarms(found) == {"reconstruction_error", "domain_classifier_auc"}
    assert all({"x0", "x1"} & set(result.details["features"][:2]) for result in found)
    second = Window(START + timedelta(hours=1), START + timedelta(hours=2))
    alone = data_drift(context(shared_store, "ties", second))
    assert not alarms(alone)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("all-null-now", np.arange(1300.0), pa.nulls(1300, pa.float64())),
        ("all-null-before", pa.nulls(1300, pa.float64()), np.arange(1300.0)),
        ("constant", np.ones(1300), np.ones(1300)),
        ("infinite", np.arange(1300.0), np.full(1300, np.inf)),
        ("text-for-numbers", np.arange(1300.0), np.array([f"t{i}" for i in range(1300)])),
        ("many-categories", np.array([f"u{i}" for i in range(1300)]), np.array([f"v{i}" for i in range(1300)])),
        ("huge", np.tile([1e308, -1e308], 650), np.tile([5e-324, 1e308], 650)),
    ],
)
def test_no_column_takes_the_run_down(
    shared_store: Store, predict: Predict, name: str, before: Any, after: Any
) -> None:
    """Beside a degenerate column the others are measured; one without values on a side is left out and named."""
    model, rng = f"odd-{name}", np.random.default_rng(3)
    baselines.set_from_table(
        shared_store, model, "1", pa.table({"odd": before, "fine": rng.random(1300)}), source="test"
    )
    predict(model, pa.table({"odd": after, "fine": rng.random(1300), "new": rng.random(1300)}), START)
    found = look(shared_store, model)
    assert all(result.value is not None and np.isfinite(result.value) for result in found)
    if name in ("all-null-now", "infinite", "text-for-numbers"):
        assert found[0].details["left_out"] == ("odd",)
    if name != "huge":
        assert alarms(found) == set()


def test_without_enough_rows_or_anything_that_varies(shared_store: Store, predict: Predict) -> None:
    """No baseline, an empty window and constant features give a reason, and no alarm."""
    assert {result.verdict for result in look(shared_store, "nobody")} == {Verdict.NOT_ENOUGH_DATA}
    table = pa.table({"same": np.ones(1300)})
    baselines.set_from_table(shared_store, "still", "1", table, source="test")
    assert {result.verdict for result in look(shared_store, "still")} == {Verdict.NOT_ENOUGH_DATA}
    predict("still", table, START)
    found = look(shared_store, "still")
    assert {result.verdict for result in found} == {Verdict.SKIPPED}
    assert all(result.reason for result in found)


def test_a_swing_of_the_baseline_is_learnt() -> None:
    """What the baseline's own stretches of time show is no drift: floors rise above it."""
    rng = np.random.default_rng(4)
    stamps = np.arange(2000).astype("datetime64[s]")
    steady, swinging = rng.normal(size=2000), rng.normal(size=2000) + np.repeat(np.arange(10) % 2, 200)
    parts = stretches(stamps)
    assert len(parts) == 10
    assert usual_shift(steady, parts, 0.2) < 0.3
    assert usual_shift(swinging, parts, 0.2) > 0.4
    six = stretches(stamps, 6)
    drifting = np.column_stack([rng.normal(size=2000), np.arange(2000) / 500.0 + rng.normal(size=2000)])
    assert usual_auc(steady[:, None], six, 0.6) < usual_auc(drifting, six, 0.6)
    assert stretches(np.zeros(2000).astype("datetime64[s]")) == []


def test_the_classifier_keeps_its_level_and_names_the_column() -> None:
    """Without a difference p-values are not small; a shifted column is told, and has the largest importance."""
    rng = np.random.default_rng(5)
    null = [domain_trees(rng.normal(size=(200, 3)), rng.normal(size=(150, 3)), trees=15).p_value for _ in range(30)]
    assert np.mean(np.array(null) <= 0.1) <= 0.15
    shifted = rng.normal(loc=[0, 1, 0], size=(300, 3))
    found = domain_trees(rng.normal(size=(300, 3)), shifted)
    assert found.auc > 0.7
    assert found.p_value < 1e-6
    assert int(np.argmax(found.importances)) == 1
    with pytest.raises(ValueError, match="ten rows"):
        domain_trees(shifted[:5], shifted)


def test_half_of_the_rows_settles_what_is_far_from_an_alarm() -> None:
    """Where the first half's p-value is large it stands alone, as both together would be; else nothing differs."""
    rng = np.random.default_rng(6)
    rows = [(rng.normal(size=(200, 3)), rng.normal(loc=shift, size=(150, 3))) for shift in (0, 0.2) for _ in range(8)]
    both = [domain_trees(*one, trees=10) for one in rows]
    found = [domain_trees(*one, trees=10, settled=0.1) for one in rows]
    alone = [one.p_value > 0.1 for one in found]
    assert any(alone) and not all(alone)
    for whole, one, first in zip(both, found, alone, strict=True):
        assert whole.p_value >= one.p_value if first else (whole.p_value, whole.auc) == (one.p_value, one.auc)


def test_rows_that_were_sent_twice_are_not_told_from_others() -> None:
    """A third of a window's rows is copies of its others: nothing else differs, and the classifier knows none again."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(5):
        window = rng.normal(size=(300, 5))
        found.append(domain_trees(rng.normal(size=(800, 5)), rng.permutation(np.concatenate([window, window[:100]]))))
    assert max(one.auc for one in found) < 0.6
    assert min(one.p_value for one in found) > 0.001


def test_a_sample_is_bounded_and_the_same_each_time(shared_store: Store, predict: Predict) -> None:
    """A large window is thinned by hash before it is read, to a little more than is asked for."""
    predict("large", pa.table({"x": np.arange(20_000.0)}), START)
    whole = context(shared_store, "large", Window(START, START + timedelta(hours=1))).current.relation
    relation = thinned(shared_store, whole, 500)
    sql = f"SELECT groupArray(prediction_id) FROM {relation.table} WHERE {relation.condition}"
    first, second = (shared_store.scalar(sql, relation.parameters) for _ in range(2))
    assert 500 <= len(first) <= 1200
    assert sorted(first) == sorted(second)

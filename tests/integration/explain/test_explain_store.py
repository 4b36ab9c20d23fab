"""Attributions logged with predictions or computed for them: their drift, and the explanation of one by its id."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support import need

from modelspan_analyzer.config.outcome_settings import AttributionSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.explain.local import explain
from modelspan_analyzer.monitors.attribution.monitor import attribution
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading.baselines import set_from_window
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
NUMBERS = pa.map_(pa.string(), pa.float64())
ROWS = 200


def insert(store: Store, hour: int, slopes: dict[str, float], *, logged: bool) -> None:
    """An hour of predictions of a linear model; its attributions are logged, or not."""
    generator = np.random.default_rng(hour)
    names = list(slopes)
    features = generator.normal(size=(ROWS, len(names)))
    given = features * list(slopes.values())
    pairs = [[list(zip(names, row, strict=True)) for row in block.tolist()] for block in (features, given)]
    table = {
        "model": ["m"] * ROWS,
        "version": ["1"] * ROWS,
        "timestamp": pa.array([START + HOUR * (hour + i / ROWS) for i in range(ROWS)], pa.timestamp("ns", "UTC")),
        "prediction_id": [f"h{hour}-{i}" for i in range(ROWS)],
        "value": given.sum(axis=1),
        "numeric_features": pa.array(pairs[0], NUMBERS),
    }
    if logged:
        table["attributions"] = pa.array(pairs[1], NUMBERS)
    store.insert("predictions", pa.table(table))


def run(store: Store, hour: int, **settings: object) -> list[Result]:
    """The monitor on one hour, compared with the first."""
    reference = set_from_window(store, "m", "1", Window(START, START + HOUR))
    window = Window(START + HOUR * hour, START + HOUR * (hour + 1))
    given = ModelSettings(attribution=AttributionSettings(**settings))  # type: ignore[arg-type]
    return attribution(MonitorContext(store, "m", "1", window, reference, given))


def test_logged_attributions_drift_and_explain(store: Store) -> None:
    """The same reasons pass; turned ones alarm below 0.90 and name what moved; one prediction tells its own."""
    insert(store, 0, {"income": 5.0, "age": -1.0, "rent": 0.1}, logged=True)
    insert(store, 1, {"income": 5.0, "age": -1.0, "rent": 0.1}, logged=True)
    insert(store, 2, {"income": 0.1, "age": -1.0, "rent": 5.0}, logged=True)
    same, turned = run(store, 1), run(store, 2)
    assert [r.verdict for r in same if r.metric == "attribution_ndcg"] == [Verdict.OK]
    (alarm,) = [r for r in turned if r.metric == "attribution_ndcg"]
    assert alarm.verdict is Verdict.ALARM
    assert alarm.value < 0.9
    assert alarm.details["features"] in (["income"], ["rent"])
    top = [r for r in turned if r.metric == "mean_absolute_attribution"]
    assert [r.feature for r in top] == ["rent", "age", "income"]
    assert top[0].details["direction"] == "raises the prediction"
    assert top[1].details["direction"] == "lowers the prediction"
    reasons = explain(store, "h1-7").reasons
    assert reasons[0].feature == "income"
    with pytest.raises(LookupError, match="no prediction"):
        explain(store, "nowhere")


def test_attributions_that_were_computed_later_are_those_of_the_models_own_prediction(store: Store) -> None:
    """An id may be another model's prediction, too."""
    insert(store, 0, {"income": 5.0}, logged=False)
    store.command(
        "INSERT INTO attributions (model, version, timestamp, prediction_id, method, attributions, computed_at)"
        " SELECT owner, '1', timestamp, prediction_id, 'tree', map('income', if(owner = 'm', 2., 9.)), now64(3) + later"
        " FROM predictions ARRAY JOIN ['m', 'another'] AS owner, [0, 60] AS later WHERE prediction_id = 'h0-7'"
    )
    told = explain(store, "h0-7")
    assert [(reason.feature, reason.effect) for reason in told.reasons] == [("income", 2.0)]


@pytest.mark.parametrize("value", ["nan", "inf", "-1e308"])
def test_an_attribution_that_is_no_number_is_left_out_alone(store: Store, value: str) -> None:
    """One of a row's costs no mean of the others, and it is counted; where all are, nothing is judged."""
    insert(store, 0, {"income": 5.0, "age": -1.0}, logged=True)
    insert(store, 1, {"income": 5.0, "age": -1.0}, logged=True)
    row = "prediction_id, model, version, timestamp, value, numeric_features, attributions"
    bad = f"mapUpdate(attributions, map('age', toFloat64('{value}')))"
    store.command(
        f"INSERT INTO predictions ({row}) SELECT 'bad', {row.partition(', ')[2].replace('attributions', bad)} "
        "FROM predictions WHERE prediction_id = 'h1-7'"
    )
    found = run(store, 1)
    (ndcg,) = [r for r in found if r.metric == "attribution_ndcg"]
    assert ndcg.verdict is Verdict.OK
    assert ndcg.value == pytest.approx(1.0)
    assert "1 attributions" in ndcg.reason
    top = {r.feature: r.value for r in found if r.metric == "mean_absolute_attribution"}
    assert top["age"] == pytest.approx(1.0, abs=0.3)
    whole = f"INSERT INTO predictions (version, {row.replace(', version', '')}) SELECT '9', "
    store.command(
        whole
        + row.replace(", version", "").replace("attributions", f"map('age', toFloat64('{value}'))")
        + " FROM predictions"
    )
    only = attribution(
        MonitorContext(store, "m", "9", Window(START + HOUR, START + 2 * HOUR),
                       set_from_window(store, "m", "9", Window(START, START + HOUR)), ModelSettings())
    )  # fmt: skip
    assert {r.verdict for r in only} == {Verdict.NOT_ENOUGH_DATA}


def test_a_supplied_model_is_explained_within_its_budget(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows without attributions are explained with module:function, kept, and compared; one is explained both ways."""
    need("shap")
    (tmp_path / "supplied_linear.py").write_text(
        "def score(frame):\n    return (5 * frame['income'] - frame['age']).to_numpy()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("supplied_linear", None)
    slopes = {"income": 5.0, "age": -1.0, "rent": 0.0}
    insert(store, 0, slopes, logged=False)
    insert(store, 1, slopes, logged=False)
    found = run(store, 1, model="supplied_linear:score", rows=40, seconds=30.0)
    (ndcg,) = [r for r in found if r.metric == "attribution_ndcg"]
    assert ndcg.verdict is Verdict.OK
    assert ndcg.value == pytest.approx(1.0)
    assert ndcg.n == 40
    assert store.scalar("SELECT count() FROM attributions FINAL") == 80
    for method in ("permutation", "surrogate"):
        told = explain(store, "h1-3", model="supplied_linear:score", method=method, background=20)
        assert {r.feature for r in told.reasons[:2]} == {"income", "age"}
        assert told.method == method
        drawn = method == "permutation"
        assert all((reason.error is not None) == drawn for reason in told.reasons)
        assert (told.background, told.of) == ((20, 399) if drawn else (0, 0))
    with pytest.raises(LookupError, match="name the model"):
        known = "SELECT prediction_id FROM attributions"
        explain(
            store, store.scalar(f"SELECT prediction_id FROM predictions WHERE prediction_id NOT IN ({known}) LIMIT 1")
        )


def test_a_slow_models_baseline_is_topped_up_window_by_window(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the budget ends after the first rows, later windows go on; of a slow model drift is measured in the end."""
    need("shap")
    (tmp_path / "supplied_slow.py").write_text("def score(frame):\n    return (5 * frame['income']).to_numpy()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("supplied_slow", None)
    for hour in range(5):
        insert(store, hour, {"income": 5.0, "age": 0.0}, logged=False)
    reference = set_from_window(store, "m", "1", Window(START, START + HOUR))
    given = ModelSettings(
        attribution=AttributionSettings(model="supplied_slow:score", rows=40, seconds=1e-9, min_rows=30)
    )
    told: list[Result] = []
    for hour in range(1, 5):
        window = Window(START + HOUR * hour, START + HOUR * (hour + 1))
        found = attribution(MonitorContext(store, "m", "1", window, reference, given))
        told += [r for r in found if r.metric == "attribution_ndcg"]
    assert [r.n_baseline for r in told] == [10, 20, 30, 40]
    assert [r.verdict for r in told] == [Verdict.NOT_ENOUGH_DATA] * 2 + [Verdict.OK] * 2
    assert told[-1].n >= 30
    assert told[-1].details["windows"] > 1
    assert "windows" in told[-1].reason

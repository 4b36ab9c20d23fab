"""Labels that come late, in part, or are corrected, joined in SQL and measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics

from modelspan_analyzer.config.expression import check_expression
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.monitors.performance import business
from modelspan_analyzer.monitors.performance.evaluate import Measured, evaluate
from modelspan_analyzer.reading.outcomes import read
from modelspan_analyzer.reading.outcomes.read import Segment
from modelspan_analyzer.reading.outcomes.seen import look
from modelspan_analyzer.reading.outcomes.target import Target, target_of
from modelspan_analyzer.reading.rows import Rows, window_rows
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
SETTINGS = PerformanceSettings()


def insert_predictions(store: Store, **columns: object) -> None:
    """Predictions of the model `m` spread over the window."""
    rows = len(next(iter(columns.values())))  # type: ignore[arg-type]
    times = [START + timedelta(hours=1) * i / rows for i in range(rows)]
    fixed = {
        "model": ["m"] * rows,
        "version": ["1"] * rows,
        "timestamp": pa.array(times, pa.timestamp("ns", "UTC")),
        "prediction_id": [f"p{i}" for i in range(rows)],
    }
    store.insert("predictions", pa.table({**fixed, **columns}))


def insert_labels(store: Store, ids: list[str], labels: list[str], seconds: list[float]) -> None:
    """Labels that became known so many seconds after the window's start."""
    known = pa.array([START + timedelta(seconds=s) for s in seconds], pa.timestamp("ns", "UTC"))
    store.insert(
        "labels", pa.table({"prediction_id": ids, "model": ["m"] * len(ids), "timestamp": known, "label": labels})
    )


def measured(store: Store, rows: Rows, target: Target, settings: PerformanceSettings = SETTINGS) -> dict[str, Measured]:
    """All measures over all rows, by name."""
    return {one.metric: one for one in evaluate(store, rows, target, settings)[""]}


def test_measures_through_the_store_equal_scikit_learn(store: Store, shared_data: Path) -> None:
    """Adult's live rows, joined and counted in SQL, give scikit-learn's values to the ninth digit."""
    table = pq.read_table(shared_data / "adult_predictions.parquet", filters=[("split", "==", "live")])
    truth, score = table["label"].to_numpy(), table["score"].to_numpy()
    insert_predictions(store, value=table["score"], label=table["prediction"].cast(pa.string()))
    ids = [f"p{i}" for i in range(len(truth))]
    insert_labels(store, ids, [str(label) for label in truth], [7200.0] * len(ids))
    rows = window_rows("m", "1", WINDOW)
    target = target_of(store, "m", [look(store, rows)])
    assert target == Target("binary", ("0", "1"))
    found = measured(store, rows, target)
    expected = {
        "accuracy": metrics.accuracy_score(truth, score >= 0.5),
        "f1": metrics.f1_score(truth, score >= 0.5),
        "roc_auc": metrics.roc_auc_score(truth, score),
        "average_precision": metrics.average_precision_score(truth, score),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
    }
    for name, value in expected.items():
        assert found[name].estimate.value == pytest.approx(value, abs=1e-9), name
        assert found[name].estimate.lower < value < found[name].estimate.upper
    assert found["accuracy"].constant == pytest.approx(1 - truth.mean())
    assert found["f1"].constant == pytest.approx(2 * truth.mean() / (1 + truth.mean()))


def test_labels_in_any_order_end_in_identical_results(store: Store) -> None:
    """Labels and corrections sent in random orders and batches, and all of them twice, give the same bits."""
    generator = np.random.default_rng(7)
    score = generator.random(600)
    insert_predictions(store, value=score, label=(score > 0.5).astype(int).astype(str))
    ids = [f"p{i}" for i in range(600)] * 2
    labels = list((generator.random(1200) < 0.5).astype(int).astype(str))
    seconds = [float(s) for s in generator.permutation(1200)]
    newest = {ids[at]: labels[at] for at in np.argsort(seconds)}
    rows, target = window_rows("m", "1", WINDOW), Target("binary", ("0", "1"))
    results = []
    for seed in range(6):
        store.command("TRUNCATE TABLE labels")
        for batch in np.array_split(np.random.default_rng(seed).permutation(1200), seed + 2):
            insert_labels(store, [ids[i] for i in batch], [labels[i] for i in batch], [seconds[i] for i in batch])
        results.append(measured(store, rows, target))
    assert all(result == results[0] for result in results)
    insert_labels(store, ids, labels, seconds)
    assert measured(store, rows, target) == results[0]
    truth = [int(newest[f"p{i}"]) for i in range(600)]
    assert results[0]["roc_auc"].estimate.value == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-9)


def test_partial_labels_are_counted_and_said(store: Store) -> None:
    """Only labelled rows are measured, and the share of them is known."""
    insert_predictions(store, value=[0.9, 0.8, 0.2, 0.1], label=["1", "1", "0", "0"])
    insert_labels(store, ["p0", "p2", "elsewhere"], ["1", "1", "1"], [1.0, 2.0, 3.0])
    rows = window_rows("m", "1", WINDOW)
    assert read.coverage(store, rows) == read.Coverage(4, 2)
    matrix = read.confusions(store, rows, Target("binary", ("0", "1")))[""].matrix
    np.testing.assert_array_equal(matrix, [[0, 0], [1, 1]])


def test_sampled_rows_count_for_what_they_stand_for(store: Store) -> None:
    """A weight of ten counts ten times in the value, and once in its certainty."""
    insert_predictions(
        store, value=[0.9, 0.8, 0.2, 0.1], label=["1", "1", "0", "0"], sample_weight=[10.0, 1.0, 1.0, 1.0]
    )
    insert_labels(store, ["p0", "p1", "p2", "p3"], ["1", "0", "1", "0"], [1.0] * 4)
    counts = read.confusions(store, window_rows("m", "1", WINDOW), Target("binary", ("0", "1")))[""]
    np.testing.assert_array_equal(counts.matrix, [[1, 1], [1, 10]])
    assert counts.effective == pytest.approx(13**2 / 103)


def test_segments_are_measured_apart(store: Store) -> None:
    """Each value of a tag has a confusion matrix of its own."""
    tags = pa.array([[("country", "DE")], [("country", "FR")], [("country", "DE")]], pa.map_(pa.string(), pa.string()))
    insert_predictions(store, value=[0.9, 0.8, 0.2], label=["1", "1", "0"], tags=tags)
    insert_labels(store, ["p0", "p1", "p2"], ["1", "0", "0"], [1.0] * 3)
    segment = Segment.parse("tag.country")
    found = read.confusions(store, window_rows("m", "1", WINDOW), Target("binary", ("0", "1")), segment)
    np.testing.assert_array_equal(found["DE"].matrix, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(found["FR"].matrix, [[0, 1], [0, 0]])
    assert segment.label("FR") == "tag.country=FR"


def test_multiclass_equals_scikit_learn(store: Store, shared_data: Path) -> None:
    """Macro F1 and the AUC of each class against the rest are scikit-learn's."""
    reference = pq.read_table(shared_data / "nannyml_synthetic_multiclass_classification__reference.parquet").slice(
        0, 6000
    )
    classes = ["highstreet_card", "prepaid_card", "upmarket_card"]
    proba = np.stack([reference[f"y_pred_proba_{name}"].to_numpy() for name in classes], axis=1)
    scores = [list(zip(classes, row, strict=True)) for row in proba.tolist()]
    insert_predictions(store, label=reference["y_pred"], scores=pa.array(scores, pa.map_(pa.string(), pa.float64())))
    truth = reference["y_true"].to_pylist()
    insert_labels(store, [f"p{i}" for i in range(6000)], truth, [5.0] * 6000)
    rows = window_rows("m", "1", WINDOW)
    found = measured(store, rows, target_of(store, "m", [look(store, rows)]))
    predicted = reference["y_pred"].to_pylist()
    assert found["f1_macro"].estimate.value == pytest.approx(
        metrics.f1_score(truth, predicted, average="macro"), abs=1e-9
    )
    auc = np.mean([metrics.roc_auc_score(np.array(truth) == name, proba[:, i]) for i, name in enumerate(classes)])
    assert found["roc_auc_macro"].estimate.value == pytest.approx(auc, abs=1e-9)


def test_regression_and_ranking_through_the_store(store: Store) -> None:
    """Numbers as labels make a regression; a tag that names lists adds ranking measures."""
    generator = np.random.default_rng(2)
    value, lists = generator.normal(10, 3, 300), [f"q{i % 30}" for i in range(300)]
    tags = pa.array([[("query", name)] for name in lists], pa.map_(pa.string(), pa.string()))
    insert_predictions(store, value=value, tags=tags)
    actual = np.round(np.abs(value + generator.normal(0, 1, 300)))
    insert_labels(store, [f"p{i}" for i in range(300)], [str(a) for a in actual], [1.0] * 300)
    rows = window_rows("m", "1", WINDOW)
    target = target_of(store, "m", [look(store, rows)])
    assert target.task == "regression"
    found = measured(store, rows, target, PerformanceSettings(query_tag="query", cut_off=5))
    assert found["mean_absolute_error"].estimate.value == pytest.approx(np.abs(value - actual).mean(), abs=1e-9)
    relevance = np.stack([actual[i::30] for i in range(30)])
    scores = np.stack([value[i::30] for i in range(30)])
    assert found["ndcg"].estimate.value == pytest.approx(metrics.ndcg_score(relevance, scores, k=5), abs=1e-9)


def test_business_value_by_matrix_and_by_expression(store: Store) -> None:
    """Two rows caught at 100, one missed at −500; the expression says the same."""
    insert_predictions(store, value=[0.9, 0.8, 0.2, 0.1], label=["1", "1", "0", "0"])
    insert_labels(store, ["p0", "p1", "p2", "p3"], ["1", "1", "1", "0"], [1.0] * 4)
    rows, target = window_rows("m", "1", WINDOW), Target("binary", ("0", "1"))
    by_matrix = business.realised(store, rows, target, PerformanceSettings(cost={"1:1": 100.0, "1:0": -500.0}))
    expression = "multiIf(truth = '1' and label = '1', 100, truth = '1', -500, 0)"
    by_expression = business.realised(store, rows, target, PerformanceSettings(value_expression=expression))
    assert by_matrix.total == by_expression.total == -300
    assert by_matrix.mean == pytest.approx(by_expression.mean)


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT 1)",
        "file('x')",
        "1; DROP TABLE labels",
        "sleep(3)",
        "1)",
        "",
        "value -- value",
        "value /* value",
        "getSetting('a')",
        "`x`",
    ],
)
def test_a_value_expression_is_only_an_expression(expression: str) -> None:
    """Statements, other functions and comments are refused with what is allowed."""
    with pytest.raises(ValueError, match="expression"):
        check_expression(expression)

"""Estimates without labels agree with NannyML's within its own sampling error, chunk by chunk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from threadpoolctl import threadpool_limits

from modelspan_analyzer.statistics.estimation import cbpe, cbpe_classes, dle
from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY, fit_calibrator, isotonic
from modelspan_analyzer.statistics.estimation.weighting import density_ratio, weighted_counts
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import ScoreCounts

BINARY = {m.name: m for m in measures.BINARY} | {m.name: m for m in measures.SCORES}


def score_counts(score: np.ndarray, truth: np.ndarray) -> ScoreCounts:
    """Counts of positives and negatives at each distinct score."""
    distinct, place = np.unique(score, return_inverse=True)
    positives = np.bincount(place, truth, distinct.size)
    return ScoreCounts(distinct, positives, np.bincount(place) - positives, float(score.size))


def predicted(score: np.ndarray, chosen: np.ndarray) -> cbpe.PredictedScores:
    """Each row on its own, in ascending order of the score."""
    order = np.argsort(score, kind="stable")
    return cbpe.PredictedScores(score[order], chosen[order].astype(float), np.ones(score.size), float(score.size))


def expected_rows(shared_data: Path, name: str) -> list[dict]:
    """NannyML's rows."""
    return json.loads((shared_data / f"reference/nannyml_{name}.json").read_text())["rows"]


@pytest.mark.parametrize(
    ("name", "data", "truth"),
    [("binary", "binary_classification", "work_home_actual"), ("car_loan", "car_loan", "repaid")],
)
def test_binary_estimates(shared_data: Path, name: str, data: str, truth: str) -> None:
    """AUC, F1, precision, recall, specificity and accuracy of all twenty chunks of both data sets."""
    reference = pq.read_table(shared_data / f"nannyml_synthetic_{data}__reference.parquet")
    analysis = pq.read_table(shared_data / f"nannyml_synthetic_{data}__analysis.parquet")
    calibrator = fit_calibrator(score_counts(reference["y_pred_proba"].to_numpy(), reference[truth].to_numpy()))
    assert calibrator is not IDENTITY
    tables = {"reference": reference, "analysis": analysis}
    for row in expected_rows(shared_data, f"{name}_cbpe_size5000"):
        chunk = tables[row["chunk.period"]].slice(row["chunk.start_index"] % 50_000, 5000)
        rows = predicted(chunk["y_pred_proba"].to_numpy(), chunk["y_pred"].to_numpy())
        found = cbpe.expect(rows, calibrator, ("0", "1"))
        for metric in ("roc_auc", "f1", "precision", "recall", "specificity", "accuracy"):
            counts = found.scores if metric == "roc_auc" else found.confusion
            ours = BINARY[metric].estimate(counts)
            theirs, error = row[f"{metric}.value"], row[f"{metric}.sampling_error"]
            assert abs(ours.value - theirs) <= error, (row["chunk.key"], metric, ours, theirs, error)
            assert ours.lower < theirs < ours.upper


def test_multiclass_estimates(shared_data: Path) -> None:
    """Macro AUC, macro F1 and accuracy of all twenty chunks."""
    classes = ("highstreet_card", "prepaid_card", "upmarket_card")
    tables = {
        period: pq.read_table(shared_data / f"nannyml_synthetic_multiclass_classification__{period}.parquet")
        for period in ("reference", "analysis")
    }
    truth = tables["reference"]["y_true"].to_numpy(zero_copy_only=False)
    calibrators = {
        name: fit_calibrator(
            score_counts(tables["reference"][f"y_pred_proba_{name}"].to_numpy(), (truth == name).astype(float))
        )
        for name in classes
    }
    macro = {m.name: m for m in measures.MULTICLASS}
    for row in expected_rows(shared_data, "multiclass_cbpe_size6000"):
        chunk = tables[row["chunk.period"]].slice(row["chunk.start_index"] % 60_000, 6000)
        scores = np.stack([chunk[f"y_pred_proba_{name}"].to_numpy() for name in classes], axis=1)
        places = pc.index_in(chunk["y_pred"], pa.array(classes)).to_numpy().astype(float)
        rows = cbpe_classes.PredictedClasses(scores, places, np.ones(6000), 6000.0)
        confusion, counts = cbpe_classes.expect(rows, calibrators, classes)
        ours = {
            "roc_auc": measures.roc_auc_macro(measures.roc_auc_by_class(counts)).value,
            "f1": macro["f1_macro"].estimate(confusion).value,
            "accuracy": macro["accuracy"].estimate(confusion).value,
        }
        for metric, value in ours.items():
            error = row[f"{metric}.sampling_error"]
            assert abs(value - row[f"{metric}.value"]) <= error, (
                row["chunk.key"],
                metric,
                value,
                row[f"{metric}.value"],
            )


@pytest.mark.timeout(600)
def test_loss_estimates(shared_data: Path) -> None:
    """All losses of car prices: within NannyML's sampling error of its estimate until the drift.

    After it relative losses are too low by up to nine sampling errors in NannyML's. These intervals hold all.
    """
    names = {
        "mae": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error",
        "mse": "mean_squared_error",
        "rmse": "root_mean_squared_error",
        "msle": "mean_squared_log_error",
        "rmsle": "root_mean_squared_log_error",
    }
    tables = {
        period: pq.read_table(shared_data / f"nannyml_synthetic_car_price__{period}.parquet")
        for period in ("reference", "analysis")
    }
    targets = pq.read_table(shared_data / "nannyml_synthetic_car_price__analysis_target.parquet")
    truths = {
        "reference": tables["reference"]["y_true"].to_numpy(),
        "analysis": targets["y_true"].to_numpy(),
    }

    def losses_of(prediction: np.ndarray, actual: np.ndarray) -> dict[str, float]:
        means = {name: float(loss(prediction, actual).mean()) for name, loss in dle.LOSSES.items()}
        return means | {root: float(np.sqrt(means[squared])) for root, squared in dle.ROOTS.items()}

    numeric = ["car_age", "km_driven", "price_new", "accident_count", "door_count"]

    def matrix(table: pa.Table) -> np.ndarray:
        codes = [table[name].combine_chunks().dictionary_encode() for name in ("fuel", "transmission")]
        named = [np.array(sorted(set(code.dictionary.to_pylist()))) for code in codes]
        placed = [np.searchsorted(known, np.array(code.to_pylist())) for known, code in zip(named, codes, strict=True)]
        return np.column_stack([*(table[name].to_numpy().astype(float) for name in numeric), *placed]).astype(float)

    reference = tables["reference"]
    categorical = np.array([False] * 5 + [True] * 2)
    with threadpool_limits(1):  # threads that wait for each other at every tree crawl where others have the cores
        model = dle.fit_losses(
            matrix(reference), reference["y_pred"].to_numpy(), reference["y_true"].to_numpy(), categorical
        )
    for row in expected_rows(shared_data, "car_price_dle_size6000"):
        chunk = tables[row["chunk.period"]].slice(row["chunk.start_index"] % 60_000, 6000)
        start = row["chunk.start_index"] % 60_000
        found = dle.estimate_losses(model, matrix(chunk), chunk["y_pred"].to_numpy()).measures
        realised = losses_of(chunk["y_pred"].to_numpy(), truths[row["chunk.period"]][start : start + 6000])
        for short, name in names.items():
            if f"{short}.value" in row:
                ours, theirs, error = found[name], row[f"{short}.value"], row[f"{short}.sampling_error"]
                said = (row["chunk.key"], short, ours, theirs, realised[name])
                assert ours.lower <= realised[name] <= ours.upper, said
                drifted = row["chunk.period"] == "analysis" and start >= 30_000
                assert drifted or abs(ours.value - theirs) <= error, said


def test_calibration_is_kept_only_where_it_helps() -> None:
    """Scores that are true already stay as they are; squared ones are put right."""
    generator = np.random.default_rng(0)
    chance = generator.random(30_000)
    truth = (generator.random(30_000) < chance).astype(float)
    assert fit_calibrator(score_counts(chance[:300], truth[:300])) is IDENTITY
    calibrator = fit_calibrator(score_counts(chance**2, truth))
    assert calibrator is not IDENTITY
    np.testing.assert_allclose(calibrator(np.array([0.09, 0.25, 0.64])), [0.3, 0.5, 0.8], atol=0.05)


def test_weighting_repairs_an_estimate_under_covariate_shift() -> None:
    """Where the score ignores a feature whose mix moves, plain calibration is off and the weighted one is not."""
    generator = np.random.default_rng(1)

    def draw(share: float, n: int = 20_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        kind = (generator.random(n) < share).astype(float)
        score = generator.random(n)
        chance = np.clip(score + np.where(kind > 0, -0.3, 0.1), 0.02, 0.98)
        return np.column_stack([kind, score]), score, (generator.random(n) < chance).astype(float)

    before, score, truth = draw(0.2)
    now, now_score, now_truth = draw(0.8)
    ratio = density_ratio(before, now, np.array([True, False]))
    plain = isotonic(weighted_counts(score, truth, np.ones_like(score)))(now_score).mean()
    weighted = isotonic(weighted_counts(score, truth, ratio))(now_score).mean()
    assert abs(weighted - now_truth.mean()) < 0.02 < 0.1 < abs(plain - now_truth.mean())

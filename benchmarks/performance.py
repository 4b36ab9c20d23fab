"""Estimates, calibration and fairness of 500,000 predictions; beside NannyML, Fairlearn and smclarify.

    python benchmarks/performance.py [--rows N] [--peers] [--json]

With `--peers` the three are installed into environments of their own (kept in `--environments`) and measured in the
same run on the same rows: NannyML for the same estimates, Fairlearn's MetricFrame and smclarify for the same groups.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from modelspan._identity import column as prediction_ids

START = datetime(2026, 1, 5, tzinfo=UTC)
TEXTS = pa.map_(pa.string(), pa.string())
PEERS = {
    "nannyml": ["nannyml==0.13.1", "statsmodels"],
    "fairness": ["fairlearn==0.15.0", "smclarify==0.5", "pyarrow"],
}

NANNYML = """
import sys, time, warnings; warnings.filterwarnings('ignore')
import nannyml, pandas
reference, window = (pandas.read_parquet(path) for path in sys.argv[1:])
begun = time.perf_counter()
estimator = nannyml.CBPE(
    y_pred_proba='score', y_pred='prediction', y_true='label', problem_type='classification_binary',
    metrics=['roc_auc', 'f1', 'precision', 'recall', 'specificity', 'accuracy'], chunk_number=1)
estimator.fit(reference)
estimator.estimate(window)
print(time.perf_counter() - begun)
"""
FAIRLEARN = """
import sys, time
import pandas
from fairlearn.metrics import MetricFrame, count, false_negative_rate, false_positive_rate, selection_rate
from sklearn.metrics import accuracy_score, precision_score, recall_score
window = pandas.read_parquet(sys.argv[2])
measures = dict(selection_rate=selection_rate, accuracy=accuracy_score, recall=recall_score, precision=precision_score,
                fpr=false_positive_rate, fnr=false_negative_rate, count=count)
begun = time.perf_counter()
for facet in ('sex', 'race'):
    frame = MetricFrame(metrics=measures, y_true=window['label'], y_pred=window['prediction'],
                        sensitive_features=window[facet])
    frame.by_group, frame.difference(), frame.ratio()
print(time.perf_counter() - begun)
"""
SMCLARIFY = """
import sys, time, warnings; warnings.filterwarnings('ignore')
import pandas
from smclarify.bias.report import FacetColumn, LabelColumn, StageType, bias_report
window = pandas.read_parquet(sys.argv[2]).astype({'sex': object, 'race': object, 'marital': object})
label = LabelColumn('label', window['label'], [1])
predicted = LabelColumn('prediction', window['prediction'], [1])
begun = time.perf_counter()
for facet, group in (('sex', 'Female'), ('race', 'b')):
    for stage in (StageType.PRE_TRAINING, StageType.POST_TRAINING):
        bias_report(window[[facet, 'label', 'prediction']], FacetColumn(facet, [group]), label, stage, predicted,
                    group_variable=window['marital'])
print(time.perf_counter() - begun)
"""


def draw(rows: int, seed: int) -> pa.Table:
    """Rows with groups, a score, the prediction and the truth."""
    generator = np.random.default_rng(seed)
    score = np.round(generator.beta(1, 2.5, rows), 6)
    return pa.table(
        {
            "sex": generator.choice(["Female", "Male"], rows, p=[0.33, 0.67]),
            "race": generator.choice(list("abcde"), rows, p=[0.02, 0.1, 0.03, 0.01, 0.84]),
            "marital": generator.choice(list("uvwxyz"), rows),
            "score": score,
            "prediction": (score >= 0.5).astype(int),
            "label": (generator.random(rows) < score**1.2).astype(int),
        }
    )


def fill(store: object, table: pa.Table, hour: int) -> None:
    """The rows as one hour of labelled predictions."""
    rows = table.num_rows
    step = 3_600_000_000_000 // rows
    begun = int((START + timedelta(hours=hour)).timestamp()) * 1_000_000_000
    when = pa.array(begun + np.arange(rows) * step, pa.timestamp("ns", "UTC"))
    ids = prediction_ids(begun + np.arange(rows) * step, np.random.default_rng(hour).integers(0, 2**62, rows))
    names = np.tile(np.array(["marital", "race", "sex"], object), rows)
    values = np.stack([table[name].to_numpy(zero_copy_only=False) for name in ("marital", "race", "sex")], 1).ravel()
    offsets = np.arange(0, 3 * rows + 1, 3, dtype=np.int32)
    predictions = {
        "model": pa.array(["m"] * rows),
        "version": pa.array(["1"] * rows),
        "timestamp": when,
        "prediction_id": ids,
        "value": table["score"],
        "label": table["prediction"].cast(pa.string()),
        "categorical_features": pa.MapArray.from_arrays(
            offsets, pa.array(names, pa.string()), pa.array(values, pa.string())
        ),
    }
    store.insert("predictions", pa.table(predictions))  # type: ignore[attr-defined]
    labels = {"prediction_id": ids, "timestamp": when, "label": table["label"].cast(pa.string())}
    store.insert("labels", pa.table(labels))  # type: ignore[attr-defined]


def timed(action: Callable[[], object], repeats: int = 3) -> float:
    """The fastest of some runs, in seconds."""
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - begun)
    return best


def ours(reference: pa.Table, window: pa.Table) -> dict[str, float]:
    """Seconds of each part, from the store to the results; `fairness_counted` is without a baseline and estimates."""
    from modelspan_analyzer.config.outcome_settings import ConceptSettings, FairnessSettings
    from modelspan_analyzer.config.settings import ModelSettings
    from modelspan_analyzer.monitors.context import MonitorContext
    from modelspan_analyzer.monitors.estimation.monitor import estimation
    from modelspan_analyzer.monitors.fairness.monitor import fairness
    from modelspan_analyzer.reading.baselines import Baseline, set_from_window
    from modelspan_analyzer.reading.outcomes import read
    from modelspan_analyzer.results import Window
    from modelspan_analyzer.statistics.performance import calibration
    from modelspan_collector.store import schema
    from modelspan_collector.store.connect import connect

    with tempfile.TemporaryDirectory() as folder:
        store = connect(f"chdb://{folder}")
        schema.apply(store)
        fill(store, reference, 0)
        fill(store, window, 1)
        windows = [Window(START + timedelta(hours=h), START + timedelta(hours=h + 1)) for h in (0, 1)]
        baseline = set_from_window(store, "m", "1", windows[0])
        settings = ModelSettings(
            fairness=FairnessSettings(facets=("sex", "race"), condition_on="marital"),
            concept=ConceptSettings(enabled=False),
        )

        def context(baseline: Baseline | None) -> MonitorContext:
            return MonitorContext(store, "m", "1", windows[1], baseline, settings)

        def calibrate(context: MonitorContext) -> None:
            counts = read.score_counts(store, context.sources[0], context.target)[""]
            calibration.calibration_interval(counts)
            calibration.maximum_calibration_error(counts)
            calibration.reliability(counts)

        def together() -> None:
            window = context(baseline)
            for monitor in (estimation, calibrate, fairness):
                monitor(window)

        found = {
            "estimates": timed(lambda: estimation(context(baseline))),
            "calibration": timed(lambda: calibrate(context(baseline))),
            "fairness": timed(lambda: fairness(context(baseline))),
            "fairness_counted": timed(lambda: fairness(context(None))),
            "together": timed(together),
        }
        store.close()
    return found


def peers(reference: pa.Table, window: pa.Table, environments: Path) -> dict[str, float]:
    """Seconds of each peer on the same rows, the data frame already in its memory."""
    scripts = {
        "nannyml": ("nannyml", NANNYML),
        "fairlearn": ("fairness", FAIRLEARN),
        "smclarify": ("fairness", SMCLARIFY),
    }
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("reference.parquet", "window.parquet")]
        for path, table in zip(paths, (reference, window), strict=True):
            parquet.write_table(table, path)
        for name, (environment, script) in scripts.items():
            python = prepare(environments / environment, PEERS[environment])
            done = subprocess.run([str(python), "-c", script, *paths], capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                continue
            found[name] = float(done.stdout.strip().splitlines()[-1])
    return found


def prepare(folder: Path, packages: list[str]) -> Path:
    """The Python of an environment that has the packages."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "modelspan-peers")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    reference, window = draw(args.rows, 0), draw(args.rows, 1)
    result: dict[str, object] = {"rows": args.rows, "seconds": ours(reference, window)}
    seconds = result["seconds"]
    if args.peers:
        found = peers(reference, window, args.environments)
        pairs = {"nannyml": "estimates", "fairlearn": "fairness", "smclarify": "fairness"}
        result["peers"] = found
        # Everything that the fairness monitor does, estimates, flips and intervals included, against each of the two.
        result["times_faster"] = {name: found[name] / seconds[pairs[name]] for name in found}  # type: ignore[index]
    if args.json:
        print(json.dumps(result))
        return
    for part in ("seconds", "peers", "times_faster"):
        for name, value in result.get(part, {}).items():  # type: ignore[attr-defined]
            print(f"{part:<13}{name:<17}{value:8.2f}")


if __name__ == "__main__":
    main()

"""How often the intervals of estimates hold under covariate shift of real data and of a generator made by others.

    python benchmarks/intervals_data.py DATA [--sets adult,elec2,car_price,friedman] [--baselines N] [--learnt 1000]
                                        [--rows 2000] [--seed S]

DATA is the folder of `adult_predictions.parquet`, `elec2_predictions.parquet` and NannyML's car prices. Baselines and
windows are drawn from the same rows, the windows by weights that grow along one column: what inputs mean stays as it
is. `friedman` is scikit-learn's first of Friedman's, predicted by a linear model. `plain` is without weights for the
inputs, in the same windows.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from intervals_estimates import SCORES, Window, summary
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from threadpoolctl import threadpool_limits

from modelspan_analyzer.statistics.estimation import cbpe, dle
from modelspan_analyzer.statistics.estimation.calibrate import learn
from modelspan_analyzer.statistics.estimation.weighting import calibrate_among, weighted_counts
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import NOTHING, FloatArray, PairCounts

TILTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "none": lambda z: 0 * z,
    "half a sd": lambda z: 0.5 * z,
    "one sd": lambda z: z,
    "upper half": lambda z: np.where(z > np.median(z), 0.0, -1.5),
    "wider": lambda z: 0.278 * np.minimum(z**2, 16.0),
}
"""Logarithm of how much likelier rows are in the window, by a column in standard deviations."""
LOSSES = ("mean_absolute_error", "root_mean_squared_error")


class Rows(NamedTuple):
    """Of a data set."""

    inputs: FloatArray
    is_categorical: np.ndarray
    prediction: FloatArray
    truth: FloatArray

    def only(self, places: np.ndarray) -> Rows:
        """Some of them."""
        return Rows(self.inputs[places], self.is_categorical, self.prediction[places], self.truth[places])


def _rows(frame: pd.DataFrame, prediction: str, truth: str, without: tuple[str, ...]) -> Rows:
    inputs = frame.drop(columns=[prediction, truth, *without])
    text = np.array([not pd.api.types.is_numeric_dtype(inputs[name]) for name in inputs])
    coded = {name: inputs[name].astype("category").cat.codes for name in inputs.columns[text]}
    matrix = inputs.assign(**coded).to_numpy(float)
    return Rows(matrix, text, frame[prediction].to_numpy(float), frame[truth].to_numpy(float))


def read(name: str, folder: Path) -> Rows:
    """The rows of one data set, those that a model was trained on left out."""
    if name == "friedman":
        inputs, truth = make_friedman1(40_000, noise=2.0, random_state=0)
        model = LinearRegression().fit(inputs[:10_000], truth[:10_000])
        rest = inputs[10_000:]
        return Rows(rest, np.zeros(10, bool), model.predict(rest), truth[10_000:])
    if name == "car_price":
        frame = pd.read_parquet(folder / "nannyml_synthetic_car_price__reference.parquet")
        return _rows(frame, "y_pred", "y_true", ("id", "timestamp"))
    frame = pd.read_parquet(folder / f"{name}_predictions.parquet")
    frame = frame[frame["split"] != "train"].drop(columns=["split", "prediction"])
    return _rows(frame, "score", "label", ("time",) if name == "elec2" else ("fnlwgt",))


def classified(before: Rows, now: Rows) -> dict[str, Window]:
    """The estimates by scores: as they are, and without weights for the inputs."""
    plain = learn(weighted_counts(before.prediction, before.truth, np.ones(len(before.truth))))
    sides = before.prediction, before.truth, before.inputs, now.inputs
    among = calibrate_among(*sides, before.is_categorical)
    known = weighted_counts(now.prediction, now.truth, np.ones(len(now.truth)))
    high = known.score >= 0.5
    given = cbpe.PredictedScores(known.score, high.astype(float), known.total, known.effective)
    cells = [[side[~high].sum(), side[high].sum()] for side in (known.negatives, known.positives)]
    matrix = np.array(cells)
    realised = {one.name: float(one.of(matrix)) for one in measures.BINARY}
    realised |= {one.name: one.estimate(known).value for one in SCORES}
    found = {}
    for name, one in {"plain": plain, "weighted": among.calibration or plain}.items():
        expected = cbpe.expect(given, one.calibrator, ("0", "1"))
        estimated = cbpe.estimate(given, one, expected)
        if among.lacks:
            estimated = dict.fromkeys(estimated, NOTHING)
        found[name] = Window(estimated, realised)
    return found


def lost(model: dle.LossModel, now: Rows) -> dict[str, Window]:
    """The estimates by a model of losses."""
    pairs = PairCounts(now.prediction, now.truth, np.ones(len(now.truth)), float(len(now.truth)))
    realised = {one.name: one.estimate(pairs).value for one in measures.REGRESSION if one.name in LOSSES}
    return {"": Window(dle.estimate_losses(model, now.inputs, now.prediction).measures, realised)}


def measure(
    rows: Rows, args: argparse.Namespace, generator: np.random.Generator
) -> dict[tuple[str, str], list[Window]]:
    """Windows of every tilt; the column is another one with each baseline."""
    found = defaultdict(list)
    of_classes = set(np.unique(rows.truth)) <= {0.0, 1.0}
    columns = [at for at in np.flatnonzero(~rows.is_categorical) if len(np.unique(rows.inputs[:, at])) > 10]
    for turn in range(args.baselines):
        order = generator.permutation(len(rows.truth))
        before, rest = rows.only(order[: args.learnt]), rows.only(order[args.learnt :])
        model = (
            None if of_classes else dle.fit_losses(before.inputs, before.prediction, before.truth, rows.is_categorical)
        )
        column = rest.inputs[:, columns[turn % len(columns)]]
        z = (column - column.mean()) / column.std()
        for tilt, of in TILTS.items():
            chance = of(z) + generator.gumbel(size=z.size)
            now = rest.only(np.argsort(chance)[-args.rows :])
            for name, window in (classified(before, now) if model is None else lost(model, now)).items():
                found[tilt, name].append(window)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", default="adult,elec2,car_price,friedman")
    parser.add_argument("--baselines", type=int, default=100)
    parser.add_argument("--learnt", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with threadpool_limits(1):
        for name in args.sets.split(","):
            found = measure(read(name, args.data), args, np.random.default_rng([args.seed, args.learnt]))
            for (tilt, way), windows in found.items():
                shown = windows[0].realised if way == "" else ("accuracy", "f1", "roc_auc", "log_loss", "brier")
                told = {one: summary(windows, one) for one in shown}
                cells = "  ".join(f"{one[:12]} {cell['held']:.3f} ({cell['width']:.3f})" for one, cell in told.items())
                answered = min(cell["answered"] for cell in told.values())
                print(f"{name:<10}{args.learnt:>6} {tilt:<11}{way:<9}{answered:5.2f}  {cells}", flush=True)


if __name__ == "__main__":
    main()

"""How often the intervals of estimates hold what the labels show later: CBPE of classes, DLE of numbers.

    python benchmarks/intervals_estimates.py [--baselines N] [--windows N] [--rows 200,500,2000] [--seed S] [--json]
                                            [--learnt 1000,5000,20000] [--tasks cbpe,classes,dle] [--kinds KIND,...]

Every baseline is drawn anew, and windows from the same population or from one whose inputs moved while what they mean
did not (`shift`). `held` is the share of windows with an estimate whose interval holds the realised value of the very
rows, `answered` the share of windows that have one: in the others the estimate says what it lacks. `width` is the
mean width of the intervals, `error` the root mean square of estimate less realised value.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax
from threadpoolctl import threadpool_limits

from modelspan_analyzer.statistics.estimation import cbpe, cbpe_classes, dle
from modelspan_analyzer.statistics.estimation.calibrate import learn
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, FloatArray, PairCounts, ScoreCounts
from modelspan_analyzer.statistics.performance.scores import roc_auc

Generator = np.random.Generator
SCORES = [one for one in measures.SCORES if one.name != "expected_calibration_error"]


class Window(NamedTuple):
    """Estimates, and what was realised."""

    estimated: dict[str, Estimate]
    realised: dict[str, float]


Draw = Callable[[int, tuple[float, float]], Window]
"""A window of so many rows whose inputs moved so, of one baseline."""

MODELS = {"calibrated": 1.0, "overconfident": 2.0, "underconfident": 0.5, "a little sure of itself": 1.2}
"""What the log odds are multiplied by."""
SHIFTS = {"none": (0.0, 1.0), "half a sd": (0.5, 1.0), "one sd": (1.0, 1.0), "harder": (0.0, 0.6), "wider": (0.0, 1.5)}
"""Of the standard normal input: mean and standard deviation in the window."""


def scored(generator: Generator, rows: int, model: float, shift: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Scores and truths."""
    odds = 1.5 * (shift[0] + shift[1] * generator.standard_normal(rows)) - 0.5
    truth = (generator.random(rows) < expit(odds)).astype(float)
    return expit(model * odds), truth


def counts(score: FloatArray, truth: FloatArray) -> ScoreCounts:
    """Every row is a score of its own."""
    order = np.argsort(score)
    return ScoreCounts(score[order], truth[order], 1 - truth[order], float(score.size))


def binary(generator: Generator, learnt: int, model: float) -> Draw:
    """Windows of one baseline."""
    calibration = learn(counts(*scored(generator, learnt, model, (0.0, 1.0))))
    if calibration is None:
        raise ValueError(f"nothing can be learnt from {learnt} rows")

    def window(rows: int, shift: tuple[float, float]) -> Window:
        known = counts(*scored(generator, rows, model, shift))
        high = known.score >= 0.5
        given = cbpe.PredictedScores(known.score, high.astype(float), np.ones(rows), float(rows))
        expected = cbpe.expect(given, calibration.calibrator, ("0", "1"))
        estimated = cbpe.estimate(given, calibration, expected)
        cells = [[part[~high].sum(), part[high].sum()] for part in (known.negatives, known.positives)]
        matrix = Confusion(("0", "1"), np.array(cells), float(rows))
        realised = {one.name: float(one.of(matrix.matrix)) for one in measures.BINARY}
        return Window(estimated, realised | {one.name: one.estimate(known).value for one in SCORES})

    return window


CLASSES = ("a", "b", "c", "d")
TOWARDS = np.array([[1.5, 0.0], [0.0, 1.5], [-1.5, 0.0], [0.5, -1.5]])
"""What each class's log odds rise by along two inputs."""
USUAL = np.array([0.5, 0.0, 0.0, -1.5])


def classed(generator: Generator, rows: int, model: float, shift: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Scores of every class, and the place of the true one; the last is of about one row in twelve."""
    inputs = generator.standard_normal((rows, 2))
    inputs[:, 0] = shift[0] + shift[1] * inputs[:, 0]
    odds = inputs @ TOWARDS.T + USUAL
    truth = (generator.random((rows, 1)) > softmax(odds, axis=1).cumsum(axis=1)).sum(axis=1)
    return softmax(model * odds, axis=1), truth.clip(0, len(CLASSES) - 1)


def _answered(score: FloatArray) -> cbpe_classes.PredictedClasses:
    """By the highest score."""
    rows = len(score)
    return cbpe_classes.PredictedClasses(score, score.argmax(axis=1).astype(float), np.ones(rows), float(rows))


def multiclass(generator: Generator, learnt: int, model: float) -> Draw:
    """Windows of one baseline."""
    score, truth = classed(generator, learnt, model, (0.0, 1.0))
    known = cbpe_classes.learn_classes(_answered(score), truth, CLASSES)
    calibrators = {name: one.calibrator for name, one in known.items()}

    def window(rows: int, shift: tuple[float, float]) -> Window:
        score, truth = classed(generator, rows, model, shift)
        given = _answered(score)
        expected = cbpe_classes.expect(given, calibrators, CLASSES)
        cells = np.zeros((len(CLASSES), len(CLASSES)))
        np.add.at(cells, (truth, given.predicted.astype(int)), 1.0)
        realised = {one.name: float(one.of(cells)) for one in measures.MULTICLASS}
        areas = [roc_auc(counts(score[:, at], (truth == at).astype(float))) for at in range(len(CLASSES))]
        return Window(cbpe_classes.estimate(given, known, expected), {**realised, "roc_auc_macro": np.mean(areas)})

    return window


ERRORS: dict[str, tuple[int, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "growing": (2, lambda x, chance: chance * np.exp(0.5 * x[:, 0])),
    "wave": (10, lambda x, chance: np.sin(2 * x[:, 0]) + 0.5 * x[:, 0] * x[:, 2] + chance),
    "even": (10, lambda _, chance: chance),
}
"""How many inputs there are, and how far answers are from the truth by inputs and chance: more along an input, by a
wave and a product that the model misses, or the same everywhere."""
TAILS: dict[str, Callable[[Generator, int], FloatArray]] = {
    "normal": lambda generator, rows: generator.standard_normal(rows),
    "heavy": lambda generator, rows: generator.standard_t(4, rows),
}
LOSSES = ("mean_absolute_error", "root_mean_squared_error", "mean_absolute_percentage_error")


def regression(generator: Generator, learnt: int, kind: str) -> Draw:
    """Windows of one baseline."""
    errors, tails = kind.split()
    columns, error = ERRORS[errors]

    def drawn(count: int, moved: tuple[float, float]) -> tuple[FloatArray, FloatArray, FloatArray]:
        inputs = generator.standard_normal((count, columns))
        inputs[:, 0] = moved[0] + moved[1] * inputs[:, 0]
        prediction = 50 + 3 * inputs[:, 0] + 2 * inputs[:, 1]
        return inputs, prediction, prediction + error(inputs, TAILS[tails](generator, count))

    model = dle.fit_losses(*drawn(learnt, (0.0, 1.0)), np.zeros(columns, bool))
    by_name = {one.name: one for one in measures.REGRESSION}

    def window(rows: int, shift: tuple[float, float]) -> Window:
        inputs, prediction, actual = drawn(rows, shift)
        pairs = PairCounts(prediction, actual, np.ones(rows), float(rows))
        estimated = dle.estimate_losses(model, inputs, prediction).measures
        return Window(estimated, {name: by_name[name].estimate(pairs).value for name in LOSSES})

    return window


TASKS: dict[str, tuple[Iterable[str], Callable[[Generator, int, str], Draw]]] = {
    "cbpe": (MODELS, lambda generator, learnt, kind: binary(generator, learnt, MODELS[kind])),
    "classes": (MODELS, lambda generator, learnt, kind: multiclass(generator, learnt, MODELS[kind])),
    "dle": ([f"{errors} {tails}" for errors in ERRORS for tails in TAILS], regression),
}


def cells(args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Every cell of the table, measured; all windows of a task, a model and a size come from the same baselines."""
    sizes = [int(one) for one in args.rows.split(",")]
    for task in args.tasks.split(","):
        kinds, baseline = TASKS[task]
        for kind in args.kinds.split(",") if args.kinds else kinds:
            for learnt in (int(one) for one in args.learnt.split(",")):
                generator, found = (
                    np.random.default_rng([args.seed, learnt]),
                    defaultdict[tuple[str, int], list[Window]](list),
                )
                for _ in range(args.baselines):
                    draw = baseline(generator, learnt, kind)
                    for shift, rows in product(SHIFTS, sizes):
                        found[shift, rows] += [draw(rows, SHIFTS[shift]) for _ in range(args.windows)]
                for (shift, rows), windows in found.items():
                    scope = {"task": task, "kind": kind, "learnt": learnt, "shift": shift, "rows": rows}
                    for name in windows[0].realised:
                        yield {**scope, "measure": name, **summary(windows, name)}


def summary(found: list[Window], name: str) -> dict[str, float]:
    """Of one measure over windows."""
    ends = np.array([one.estimated[name] for one in found])
    truth = np.array([one.realised[name] for one in found])
    there = np.isfinite(ends).all(axis=1) & np.isfinite(truth)
    value, lower, upper = ends[there].T
    held, gap = (lower <= truth[there]) & (truth[there] <= upper), value - truth[there]
    if not there.any():
        return {"held": float("nan"), "answered": 0.0, "width": float("nan"), "error": float("nan")}
    return {
        "held": float(held.mean()),
        "answered": float(there.mean()),
        "width": float((upper - lower).mean()),
        "error": float(np.sqrt((gap**2).mean())),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baselines", type=int, default=100)
    parser.add_argument("--windows", type=int, default=1)
    parser.add_argument("--rows", default="200,500,2000")
    parser.add_argument("--learnt", default="1000,5000,20000")
    parser.add_argument("--tasks", default="cbpe,classes,dle")
    parser.add_argument("--kinds", default="", help="of the models or errors of a task; all where not given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with threadpool_limits(1):  # threads that wait for each other at every tree crawl where others have the cores
        found = []
        for cell in cells(args):
            found.append(cell)
            if not args.json:
                scope = f"{cell['task']:<8}{cell['kind']:<24}{cell['learnt']:>7} {cell['shift']:<10}{cell['rows']:>6} "
                print(f"{scope}{cell['measure']:<32}{cell['held']:7.3f}{cell['answered']:6.2f}", flush=True)
    if args.json:
        print(json.dumps({"baselines": args.baselines, "windows": args.windows, "seed": args.seed, "cells": found}))


if __name__ == "__main__":
    main()

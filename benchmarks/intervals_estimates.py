"""How often the intervals of estimates hold what the labels show later: CBPE of binary models, DLE of numbers.

    python benchmarks/intervals_estimates.py [--baselines N] [--windows N] [--rows 200,500,2000]
                                            [--learnt 1000,5000,20000] [--tasks cbpe,dle] [--seed S] [--json]

Every baseline is drawn anew, and windows from the same population or from one whose inputs moved while what they mean
did not (`shift`). `held` is the share of windows with an estimate whose interval holds the realised value of the very
rows, `answered` the share of windows that have one: in the others the estimate says what it lacks. `width` is the
mean width of the intervals, `error` the root mean square of estimate less realised value.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from modelspan_analyzer.statistics.estimation import cbpe, dle
from modelspan_analyzer.statistics.estimation.calibrate import learn
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, FloatArray, PairCounts, ScoreCounts

Generator = np.random.Generator
SCORES = [one for one in measures.SCORES if one.name != "expected_calibration_error"]


class Window(NamedTuple):
    """Estimates, and what was realised."""

    estimated: dict[str, Estimate]
    realised: dict[str, float]


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


def binary(generator: Generator, learnt: int, rows: int, model: float, shift: tuple[float, float]) -> Iterator[Window]:
    """Windows of one baseline, without end."""
    calibration = learn(counts(*scored(generator, learnt, model, (0.0, 1.0))))
    if calibration is None:
        raise ValueError(f"nothing can be learnt from {learnt} rows")
    while True:
        score, truth = scored(generator, rows, model, shift)
        known = counts(score, truth)
        high = known.score >= 0.5
        given = cbpe.PredictedScores(known.score, high.astype(float), np.ones(rows), float(rows))
        expected = cbpe.expect(given, calibration.calibrator, ("0", "1"))
        estimated = cbpe.estimate(given, calibration, expected)
        cells = [[part[~high].sum(), part[high].sum()] for part in (known.negatives, known.positives)]
        matrix = Confusion(("0", "1"), np.array(cells), float(rows))
        realised = {one.name: float(one.of(matrix.matrix)) for one in measures.BINARY}
        yield Window(estimated, realised | {one.name: one.estimate(known).value for one in SCORES})


ERRORS: dict[str, Callable[[Generator, int], FloatArray]] = {
    "normal errors": lambda generator, rows: generator.standard_normal(rows),
    "heavy-tailed errors": lambda generator, rows: generator.standard_t(4, rows),
}
LOSSES = ("mean_absolute_error", "root_mean_squared_error", "mean_absolute_percentage_error")


def regression(
    generator: Generator, learnt: int, rows: int, error: str, shift: tuple[float, float]
) -> Iterator[Window]:
    """Windows of one baseline, without end: errors grow along one of two inputs."""

    def draw(count: int, moved: tuple[float, float]) -> tuple[FloatArray, FloatArray, FloatArray]:
        inputs = generator.standard_normal((count, 2))
        inputs[:, 0] = moved[0] + moved[1] * inputs[:, 0]
        prediction = 50 + 3 * inputs[:, 0] + 2 * inputs[:, 1]
        return inputs, prediction, prediction + ERRORS[error](generator, count) * np.exp(0.5 * inputs[:, 0])

    model = dle.fit_losses(*draw(learnt, (0.0, 1.0)), np.array([False, False]))
    by_name = {one.name: one for one in measures.REGRESSION}
    while True:
        inputs, prediction, actual = draw(rows, shift)
        pairs = PairCounts(prediction, actual, np.ones(rows), float(rows))
        estimated = dle.estimate_losses(model, inputs, prediction)
        yield Window(estimated, {name: by_name[name].estimate(pairs).value for name in LOSSES})


def cells(args: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Every cell of the table, measured."""
    for task in args.tasks.split(","):
        for kind in MODELS if task == "cbpe" else ERRORS:
            for learnt in (int(one) for one in args.learnt.split(",")):
                for shift, moved in SHIFTS.items():
                    for rows in (int(one) for one in args.rows.split(",")):
                        generator, found = np.random.default_rng([args.seed, learnt, rows]), []
                        for _ in range(args.baselines):
                            windows = (
                                binary(generator, learnt, rows, MODELS[kind], moved)
                                if task == "cbpe"
                                else regression(generator, learnt, rows, kind, moved)
                            )
                            found += list(islice(windows, args.windows))
                        scope = {"task": task, "kind": kind, "learnt": learnt, "shift": shift, "rows": rows}
                        for name in found[0].realised:
                            yield {**scope, "measure": name, **summary(found, name)}


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
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--rows", default="200,500,2000")
    parser.add_argument("--learnt", default="1000,5000,20000")
    parser.add_argument("--tasks", default="cbpe,dle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with threadpool_limits(1):  # threads that wait for each other at every tree crawl where others have the cores
        found = []
        for cell in cells(args):
            found.append(cell)
            if not args.json:
                scope = f"{cell['task']:<5}{cell['kind']:<24}{cell['learnt']:>7} {cell['shift']:<10}{cell['rows']:>6} "
                print(f"{scope}{cell['measure']:<32}{cell['held']:7.3f}{cell['answered']:6.2f}", flush=True)
    if args.json:
        print(json.dumps({"baselines": args.baselines, "windows": args.windows, "seed": args.seed, "cells": found}))


if __name__ == "__main__":
    main()

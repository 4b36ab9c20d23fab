"""How often the intervals of realised measures hold the true value: rare classes, few rows, heavy-tailed errors.

    python benchmarks/intervals.py [--windows N] [--rows 100,1000,10000] [--positives 0.5,0.05,0.01,0.002]
                                  [--tasks binary,multiclass,regression] [--seed S] [--json]

Windows are drawn from populations whose every measure is known: of scores from a grid of 4,001 with the share of
positives at each, so that its measures are computed by the same functions from the shares themselves; of numbers from
the quantiles of their errors. `held` is the share of the windows with an interval that it holds the true value in,
`answered` the share of all windows that have an interval at all: the others say that there is too little to tell by.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm
from scipy.stats import t as student

from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import (
    Confusion,
    Estimate,
    FloatArray,
    PairCounts,
    ScoreCounts,
)
from modelspan_analyzer.statistics.performance.regression import rows_for_tails

SEPARATION = 1.5
"""Distance of the two classes' normal scores, in standard deviations: a ROC AUC of 0.856."""
GRID = np.linspace(-5, 5 + SEPARATION, 4001)
QUANTILES = (np.arange(1_000_000) + 0.5) / 1_000_000
CLASSES = 4
BASELINE = 1000
"""Rows of the baseline whose errors tell how many rows the squares of errors need."""

UNASKED = Estimate(np.nan, np.nan, np.nan)
"""Of a window that lacks a class altogether: its mean over the classes that occur is that of another population. And
of squares of errors whose tails the window is too short for."""

Draw = Callable[[np.random.Generator, int], dict[str, Estimate]]


def scores(positives: float) -> ScoreCounts:
    """The population of a binary model: scores that are a little too sure, in shares of rows."""
    positive, negative = positives * norm.pdf(GRID - SEPARATION), (1 - positives) * norm.pdf(GRID)
    total = (positive + negative).sum()
    score = expit(1.2 * logit(positive / (positive + negative)))
    return ScoreCounts(score, positive / total, negative / total, 1e9)


def confusion(counts: ScoreCounts, threshold: float) -> Confusion:
    """Of rows that are answered positive from a score on."""
    high = counts.score >= threshold
    cells = [[part[~high].sum(), part[high].sum()] for part in (counts.negatives, counts.positives)]
    return Confusion(("no", "yes"), np.array(cells, float), counts.effective)


def of_scores(counts: ScoreCounts, threshold: float) -> dict[str, Estimate]:
    """Every measure of a binary model."""
    matrix = confusion(counts, threshold)
    found = {one.name: one.estimate(matrix) for one in measures.BINARY}
    return found | {one.name: one.estimate(counts) for one in measures.SCORES}


def binary(positives: float) -> tuple[dict[str, Estimate], Draw]:
    """Truth and windows of a share of positives; as many rows are answered positive as are."""
    population = scores(positives)
    above = np.cumsum(population.total[::-1])[::-1]
    threshold = float(population.score[np.searchsorted(-above, -positives)])
    chances = np.concatenate([population.positives, population.negatives])

    def draw(generator: np.random.Generator, rows: int) -> dict[str, Estimate]:
        drawn = generator.multinomial(rows, chances / chances.sum()).astype(float).reshape(2, -1)
        here = drawn.sum(axis=0) > 0
        return of_scores(ScoreCounts(population.score[here], *drawn[:, here], float(rows)), threshold)

    return of_scores(population, threshold), draw


def multiclass(rarest: float) -> tuple[dict[str, Estimate], Draw]:
    """Four classes of which the last has that share, with recalls from 0.5 to 0.9."""
    shares = np.append(np.array([0.5, 0.3, 0.2]) * (1 - min(rarest, 0.25)), min(rarest, 0.25))
    right = np.array([0.9, 0.8, 0.7, 0.5])
    matrix = shares[:, None] * np.where(np.eye(CLASSES) > 0, right[:, None], (1 - right[:, None]) / (CLASSES - 1))
    names = tuple("abcd")

    def all_of(cells: FloatArray, rows: float) -> dict[str, Estimate]:
        return {one.name: one.estimate(Confusion(names, cells, rows)) for one in measures.MULTICLASS}

    def draw(generator: np.random.Generator, rows: int) -> dict[str, Estimate]:
        cells = generator.multinomial(rows, matrix.ravel()).astype(float).reshape(matrix.shape)
        seen, answered, found = cells.sum(axis=1), cells.sum(axis=0), all_of(cells, float(rows))
        for name, there in (("balanced_accuracy", seen), ("recall_macro", seen), ("precision_macro", answered)):
            if (there == 0).any():
                found[name] = UNASKED
        for name in ("f1_macro", "specificity_macro"):
            if (seen + answered == 0).any():
                found[name] = UNASKED
        return found

    return all_of(matrix, 1e9), draw


ERRORS: Mapping[str, Callable[[FloatArray], FloatArray]] = {
    "normal": norm.ppf,
    "Student's t of 5": lambda level: student.ppf(level, 5),
    "log-normal": lambda level: np.sign(level - 0.5) * np.exp(norm.ppf(np.abs(2 * level - 1))),
    "Student's t of 3": lambda level: student.ppf(level, 3),
    "1 % ten times as large": lambda level: np.where(level < 0.01, 10.0, 1.0) * norm.ppf((level * 97.0) % 1),
}
"""Of a uniform number each."""


def regression(error: Callable[[FloatArray], FloatArray]) -> tuple[dict[str, Estimate], Draw]:
    """Amounts around 100, with errors of one kind."""

    def drawn(generator: np.random.Generator, levels: FloatArray) -> PairCounts:
        prediction = 100 + 4 * generator.standard_normal(levels.size).clip(-4, 4)
        actual = np.maximum(prediction + error(levels), 1.0)
        weight = np.ones(levels.size)
        return PairCounts(prediction, actual, weight, float(levels.size))

    def draw(generator: np.random.Generator, rows: int) -> dict[str, Estimate]:
        found = all_of(drawn(generator, generator.random(rows)))
        heavy = rows < rows_for_tails(drawn(generator, generator.random(BASELINE)))
        return found | {name: UNASKED for name in measures.OF_SQUARES if heavy}

    def all_of(pairs: PairCounts) -> dict[str, Estimate]:
        return {one.name: one.estimate(pairs) for one in measures.REGRESSION}

    return all_of(drawn(np.random.default_rng(0), QUANTILES)), draw


def worlds(positives: list[float]) -> Iterator[tuple[str, str, tuple[dict[str, Estimate], Draw]]]:
    """Task and population."""
    for share in positives:
        yield "binary", f"{share:.3g}", binary(share)
    for share in positives:
        yield "multiclass", f"{share:.3g}", multiclass(share)
    for name, error in ERRORS.items():
        yield "regression", name, regression(error)


def covered(truth: dict[str, Estimate], found: list[dict[str, Estimate]]) -> dict[str, tuple[float, float]]:
    """By measure: the share of intervals that hold the truth, and the share of windows that have one."""
    result = {}
    for name, true in truth.items():
        ends = np.array([one[name][1:] for one in found])
        there = np.isfinite(ends).all(axis=1)
        held = (ends[there, 0] <= true.value) & (true.value <= ends[there, 1])
        result[name] = (float(held.mean()) if there.any() else float("nan"), float(there.mean()))
    return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--rows", default="100,1000,10000")
    parser.add_argument("--positives", default="0.5,0.05,0.01,0.002")
    parser.add_argument("--tasks", default="binary,multiclass,regression")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sizes, shares = [int(one) for one in args.rows.split(",")], [float(one) for one in args.positives.split(",")]
    cells = []
    for task, population, (truth, draw) in worlds(shares):
        if task not in args.tasks.split(","):
            continue
        for rows in sizes:
            generator = np.random.default_rng([args.seed, rows])
            found = covered(truth, [draw(generator, rows) for _ in range(args.windows)])
            for name, (held, answered) in found.items():
                cell = {"task": task, "population": population, "rows": rows, "measure": name}
                cells.append({**cell, "held": held, "answered": answered})
                if not args.json:
                    print(f"{task:<11}{population:<24}{rows:>7} {name:<34}{held:7.3f}{answered:7.2f}", flush=True)
    if args.json:
        print(json.dumps({"windows": args.windows, "seed": args.seed, "cells": cells}))


if __name__ == "__main__":
    main()

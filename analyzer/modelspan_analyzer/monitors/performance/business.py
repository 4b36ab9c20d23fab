"""What predictions are worth: a cost matrix, or an SQL expression of one row (see `expression`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.config.expression import worth
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.reading.outcomes import read
from modelspan_analyzer.reading.outcomes.target import Target
from modelspan_analyzer.reading.rows import Rows, with_outcomes
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, FloatArray
from modelspan_analyzer.statistics.performance.means import mean_interval, of_raw, skewed
from modelspan_collector.store.connect import Store
from modelspan_collector.store.expression import Compiled, outcome_of

_VALUE = """
SELECT count() AS n, sum(weight) AS total_weight, sum(weight * weight) AS squares, sum(weight * worth) AS total,
       sum(weight * pow(worth, 2)) AS squared, sum(weight * pow(worth, 3)) AS cubed,
       sum(weight * pow(worth, 4)) AS fourth
FROM (SELECT weight, toFloat64(ifNull(({expression}), 0)) AS worth FROM ({rows}) WHERE {known})
"""


@dataclass(frozen=True, slots=True)
class Value:
    """What rows are worth."""

    mean: Estimate
    """Of one row."""
    total: float
    rows: int


def cost_matrix(cost: dict[str, float], classes: tuple[str, ...]) -> FloatArray:
    """The value of each (truth, predicted) cell from `{'truth:predicted': value}`; a cell not named is worth 0.

    Raises:
        ValueError: a key is not of that form, or names a class that the model does not have.
    """
    matrix = np.zeros((len(classes), len(classes)))
    for key, value in cost.items():
        truth, found, predicted = key.partition(":")
        if not found or truth not in classes or predicted not in classes:
            raise ValueError(f"the cost {key!r} is not 'truth:predicted' of the classes {', '.join(classes)}")
        matrix[classes.index(truth), classes.index(predicted)] = value
    return matrix


def of_matrix(counts: Confusion, worth: FloatArray) -> Value:
    """Value of the rows of a confusion matrix, at `worth` a cell."""
    mean = mean_interval(worth.ravel(), counts.matrix.ravel(), counts.effective)
    return Value(mean, float((counts.matrix * worth).sum()), round(counts.effective))


def realised(store: Store, rows: Rows, target: Target, settings: PerformanceSettings) -> Value:
    """What the rows were worth whose labels, or outcomes that the expression names, are known: by the expression if
    there is one, else by the cost matrix.

    Raises:
        ValueError: the expression or the cost matrix cannot be used (see there).
    """
    if not settings.value_expression:
        counts = read.confusions(store, rows, target, threshold=settings.threshold).get("")
        if counts is None:
            return Value(Estimate(np.nan, np.nan, np.nan), 0.0, 0)
        return of_matrix(counts, cost_matrix(settings.cost, target.classes))
    value = worth(settings.value_expression)
    sql, of = (value.sql, with_outcomes(rows)) if value.outcomes else (settings.value_expression, rows)
    found = store.rows(_VALUE.format(expression=sql, rows=of.sql, known=_known(value)), of.parameters)[0]
    if not found["n"]:
        return Value(Estimate(np.nan, np.nan, np.nan), 0.0, 0)
    weight, effective = found["total_weight"], found["total_weight"] ** 2 / found["squares"]
    mean, squares, cubes, fourths = (found[name] / weight for name in ("total", "squared", "cubed", "fourth"))
    return Value(skewed(mean, of_raw(mean, squares, cubes, fourths, effective)), float(found["total"]), int(found["n"]))


def _known(value: Compiled) -> str:
    """SQL: whether all that an expression reads of a row has become known, and is worth a number."""
    if not value.outcomes:
        return "truth != ''"
    wanted = [f"isNotNull({outcome_of(name, text=True)})" for name in value.outcomes]
    return " AND ".join([*wanted, *(["truth != ''"] if value.truths else []), f"isNotNull({value.sql})"])

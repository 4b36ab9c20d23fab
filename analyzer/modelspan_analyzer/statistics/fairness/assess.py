"""Values and intervals of all fairness measures of one facet, from its counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.statistics.fairness.groups import GroupCounts
from modelspan_analyzer.statistics.fairness.measures import AGAINST_REST, OVER_GROUPS, FairnessMeasure
from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray
from modelspan_analyzer.statistics.performance.intervals import bootstrap


@dataclass(frozen=True, slots=True)
class Assessed:
    """One measure of one group against the rest; `group` is −1 for a measure over all groups."""

    measure: FairnessMeasure
    group: int
    estimate: Estimate
    rows: int
    """Rows of the group, or of the smallest group."""
    rate: Estimate | None = None
    """The group's own rate behind the measure."""


def assess(counts: GroupCounts, min_group: int) -> list[Assessed]:
    """Every measure of every group with, like its rest, `min_group` rows; then those over all such groups."""
    sizes = counts.predicted.sum(axis=(1, 2)) * counts.effective
    found = []
    judged = [at for at in range(len(counts.names)) if min(sizes[at], sizes.sum() - sizes[at]) >= min_group]
    for group in judged:
        found += _measure(counts.against_rest(group), AGAINST_REST, group, round(sizes[group]))
    if len(judged) >= 2:
        large = GroupCounts(
            counts.facet,
            tuple(counts.names[at] for at in judged),
            counts.labelled[judged],
            counts.predicted[judged],
            counts.effective,
        )
        found += _measure(large, OVER_GROUPS, -1, round(sizes[judged].min()))
    return found


def _measure(counts: GroupCounts, table: tuple[FairnessMeasure, ...], group: int, rows: int) -> list[Assessed]:
    """One bootstrap for all the measures, and the group's rates behind them, that share their counts."""
    found = {}
    together = counts.labelled.sum(axis=-3, keepdims=True)  # what needs truth and prediction does not look at strata
    cells = {"labels": counts.labelled.sum(axis=-1), "predictions": counts.predicted, "both": together}
    for kind, given in cells.items():
        chosen = [measure for measure in table if measure.counts == kind]
        if not chosen:
            continue
        estimates = _estimates(given, chosen, counts.effective)
        rates = iter(estimates[len(chosen) :])
        for measure, estimate in zip(chosen, estimates, strict=False):
            found[measure.name] = Assessed(measure, group, estimate, rows, next(rates) if measure.rate else None)
    return [found[measure.name] for measure in table]


def _estimates(cells: FloatArray, measures: Sequence[FairnessMeasure], effective: float) -> list[Estimate]:
    """The measures, then the first group's rate of those that have one."""

    def values(drawn: FloatArray) -> FloatArray:
        own = [measure.rate(drawn)[..., 0] for measure in measures if measure.rate]
        return np.stack([measure.of(drawn) for measure in measures] + own, axis=-1)

    lower, upper = bootstrap(cells, float(cells.sum()) * effective, values)
    return [
        Estimate(float(v), float(a), float(b)) for v, a, b in zip(values(cells[None])[0], lower, upper, strict=True)
    ]

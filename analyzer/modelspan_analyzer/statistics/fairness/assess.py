"""Values and intervals of all fairness measures of one facet, from its counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.statistics.fairness.groups import GroupCounts
from modelspan_analyzer.statistics.fairness.measures import AGAINST_REST, OVER_GROUPS, FairnessMeasure
from modelspan_analyzer.statistics.fairness.numbers import (
    NUMBER_MEASURES,
    NumberGroups,
    NumberMeasure,
    Numbers,
    difference,
    typical_distance,
)
from modelspan_analyzer.statistics.performance.counts import Estimate, FloatArray
from modelspan_analyzer.statistics.performance.intervals import bootstrap


@dataclass(frozen=True, slots=True)
class Assessed:
    """One measure of one group against the rest; `group` is −1 for a measure over all groups."""

    measure: FairnessMeasure | NumberMeasure
    group: int
    estimate: Estimate
    rows: int
    """Rows of the group, or of the smallest group."""
    rate: Estimate | None = None
    """The group's own rate behind the measure."""
    scale: float = 1.0
    """What a change is a share of: 1 for shares, which need none; of numbers, how far one row usually lies off."""
    members: Numbers | None = None
    """The group's rows, of a quantile: whether it moved is asked of these."""
    lacking: str = ""
    """Why there are too few rows to say it; '' where there are enough."""


def assess(counts: GroupCounts | NumberGroups, min_group: int) -> list[Assessed]:
    """Every measure of every group with, like its rest, `min_group` rows; then those over all such groups."""
    sizes = counts.sizes
    judged = [at for at in range(len(counts.names)) if min(sizes[at], sizes.sum() - sizes[at]) >= min_group]
    if isinstance(counts, NumberGroups):
        scales: dict[str, float] = {
            measure.counts: typical_distance(counts.rows, measure) for measure in NUMBER_MEASURES
        }
        return [one for group in judged for one in _of_numbers(counts, group, min_group, scales)]
    found = []
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


def _of_numbers(counts: NumberGroups, group: int, min_group: int, scales: Mapping[str, float]) -> Iterator[Assessed]:
    """Every measure of one group of a regression; those of errors where both sides have `min_group` labelled rows."""
    member = counts.group == group
    every = counts.rows.only(member), counts.rows.only(~member)
    known = every[0].known(), every[1].known()
    few = _too_few(*known, min_group)
    for measure in NUMBER_MEASURES:
        own, rest = known if measure.counts == "both" else every
        rows = round(own.effective)
        if few and measure.counts == "both":
            yield Assessed(measure, group, Estimate(np.nan, np.nan, np.nan), rows, lacking=few)
            continue
        estimate, rate = difference(measure, own, rest)
        members = own if measure.quantile is not None else None
        yield Assessed(measure, group, estimate, rows, rate, scales[measure.counts], members)


def _too_few(group: Numbers, rest: Numbers, min_group: int) -> str:
    if min(group.effective, rest.effective) >= min_group:
        return ""
    return f"{group.effective:.0f} labelled rows against {rest.effective:.0f}; both need {min_group}"


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

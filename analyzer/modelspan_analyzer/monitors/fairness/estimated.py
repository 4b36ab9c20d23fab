"""Fairness without labels: the confusion matrix of each group that its calibrated scores expect (see `cbpe.py`).

Scores are calibrated on the baseline's labels over all rows and then, where that makes them truer still, within each
group: a score that promises one group more than another is just what fairness is about. Assumes that P(y|x) has not
changed since within any group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from modelspan_analyzer.reading.outcomes.groups import Cube
from modelspan_analyzer.statistics.estimation.calibrate import Calibrator, fit_calibrator
from modelspan_analyzer.statistics.fairness.groups import GroupCounts
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts

FINE_BINS: Final = 1000
"""Parts of the score's range; rows of one part share their mean score."""


@dataclass(frozen=True, slots=True)
class GroupCalibrators:
    """What scores are worth: over all rows, and beyond that within each group of one facet or crossing."""

    facets: tuple[str, ...]
    overall: Calibrator
    own: Mapping[str, Calibrator]

    def expected(self, cube: Cube, condition_on: str = "") -> GroupCounts:
        """The expected counts of each group.

        Args:
            cube: the rows to estimate for, in `FINE_BINS` bins; their truth, where known, is not looked at.
            condition_on: attribute that the counts are split by, if any.
        """
        scored = _scored(cube)
        chance = self.overall(_mean_score(scored))
        names, known, group = scored.split(self.facets)
        places = np.flatnonzero(known)
        for at, name in enumerate(names):
            if name in self.own:
                here = places[group == at]
                chance[here] = self.own[name](chance[here])
        return _expect(scored, chance).groups(self.facets, condition_on)


def learn(reference: Cube, crossings: Sequence[tuple[str, ...]]) -> list[GroupCalibrators]:
    """Calibrate on a baseline, for each facet or crossing of several.

    Args:
        reference: rows of the baseline, of which those with labels count, in `FINE_BINS` bins.
        crossings: the facets.
    """
    known = _scored(reference)
    known = known.only(known.truth < 2)
    score = _mean_score(known)
    overall = fit_calibrator(_counts(known, score))
    chance = overall(score)
    found = []
    for facets in crossings:
        names, named, group = known.split(facets)
        places = np.flatnonzero(named)
        parts = ((name, places[group == at]) for at, name in enumerate(names))
        own = {name: fit_calibrator(_counts(known.only(here), chance[here])) for name, here in parts}
        found.append(GroupCalibrators(facets, overall, own))
    return found


def _scored(cube: Cube) -> Cube:
    return cube.only((cube.bin < cube.bins) & (cube.weight > 0))


def _mean_score(cube: Cube) -> FloatArray:
    return np.asarray(np.clip(cube.score_sum / cube.weight, 0, 1))


def _counts(cube: Cube, score: FloatArray) -> ScoreCounts:
    """Favourable and unfavourable truths at each score."""
    distinct, place = np.unique(score, return_inverse=True)
    total, favourable = (
        np.bincount(place, part, distinct.size).astype(np.float64)
        for part in (cube.weight, cube.weight * (cube.truth == 1))
    )
    return ScoreCounts(distinct, favourable, total - favourable, float(total.sum()) * cube.effective)


def _expect(cube: Cube, chance: FloatArray) -> Cube:
    """Each cell twice: as truly favourable with its chance, and as the opposite with the rest."""
    size = chance.size
    both = cube.only(np.tile(np.arange(size), 2))
    share = np.concatenate([chance, 1 - chance])
    truth = np.repeat(np.array([1, 0]), size)
    return replace(both, truth=truth, weight=both.weight * share, score_sum=both.score_sum * share)

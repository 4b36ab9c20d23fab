"""Fairness without labels: the confusion matrix of each group that its calibrated scores expect (see `cbpe.py`).

Scores are calibrated on the baseline's labels over all rows and then, where that makes them truer still, within each
group: a score that promises one group more than another is just what fairness is about. Assumes that P(y|x) has not
changed since within any group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer.estimation.calibrate import fit_calibrator
from modelspan_analyzer.fairness.cube import Cube
from modelspan_analyzer.fairness.groups import GroupCounts
from modelspan_analyzer.performance.counts import FloatArray, ScoreCounts

FINE_BINS: Final = 1000
"""Parts of the score's range; rows of one part share their mean score."""


def expected_groups(cube: Cube, reference: Cube, facets: Sequence[str], condition_on: str = "") -> GroupCounts:
    """The expected counts of each group of a facet, or of the crossing of several.

    Args:
        cube: the rows to estimate for, in `FINE_BINS` bins.
        reference: rows of the baseline with labels, in as many bins.
        facets: whose groups are counted.
        condition_on: attribute that the counts are split by, if any.
    """
    scored, known = _scored(cube), _scored(reference)
    known = _only(known, known.truth < 2)
    chance, learnt = _mean_score(scored), _mean_score(known)
    overall = fit_calibrator(_counts(known, learnt))
    chance, learnt = overall(chance), overall(learnt)
    names, named, group = scored.split(facets)
    learnt_names, learnt_named, learnt_group = known.split(facets)
    for at, name in enumerate(learnt_names):
        if name in names:
            inside = np.flatnonzero(learnt_named)[learnt_group == at]
            own = fit_calibrator(_counts(_only(known, inside), learnt[inside]))
            here = np.flatnonzero(named)[group == names.index(name)]
            chance[here] = own(chance[here])
    return _expect(scored, chance).groups(facets, condition_on)


def _scored(cube: Cube) -> Cube:
    return _only(cube, (cube.bin < FINE_BINS) & (cube.weight > 0))


def _only(cube: Cube, cells: np.ndarray[tuple[int], np.dtype[np.bool_ | np.int64]]) -> Cube:
    return replace(
        cube,
        values=cube.values[cells],
        truth=cube.truth[cells],
        predicted=cube.predicted[cells],
        bin=cube.bin[cells],
        weight=cube.weight[cells],
        score_sum=cube.score_sum[cells],
    )


def _mean_score(cube: Cube) -> FloatArray:
    return np.asarray(np.clip(cube.score_sum / cube.weight, 0, 1))


def _counts(cube: Cube, score: FloatArray) -> ScoreCounts:
    """Favourable and unfavourable truths at each score."""
    distinct, place = np.unique(score, return_inverse=True)
    total, favourable = np.zeros(distinct.size), np.zeros(distinct.size)
    np.add.at(total, place, cube.weight)
    np.add.at(favourable, place, cube.weight * (cube.truth == 1))
    return ScoreCounts(distinct, favourable, total - favourable, float(total.sum()) * cube.effective)


def _expect(cube: Cube, chance: FloatArray) -> Cube:
    """Each cell twice: as truly favourable with its chance, and as the opposite with the rest."""
    size = chance.size
    both = _only(cube, np.tile(np.arange(size), 2))
    share = np.concatenate([chance, 1 - chance])
    truth = np.repeat(np.array([1, 0]), size)
    return replace(both, truth=truth, weight=both.weight * share, score_sum=both.score_sum * share)

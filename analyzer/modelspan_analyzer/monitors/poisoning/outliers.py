"""Rows that lie outside what the baseline holds: how many more than usual, and which."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from modelspan_analyzer.config.sample_settings import PoisoningSettings
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.samples.features import Reference, matrices
from modelspan_analyzer.reading.samples.matrix import Sample
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.outliers import OutlierModel, Outliers, fit_isolation_forest, fit_robust_distance
from modelspan_analyzer.statistics.threads import one_thread
from modelspan_collector.store.connect import Store

LARGEST = 1e30
"""Larger numbers are cut to it: trees take single precision."""


@dataclass(frozen=True, slots=True)
class OutlyingRows:
    """Rows beyond the cutoff on either side, and the farthest of the window."""

    faulty: int
    n: int
    faulty_baseline: int
    n_baseline: int
    farthest: list[str]
    """Prediction ids, the farthest first."""


def outlying_rows(
    store: Store, baseline: Baseline, reference: Reference, window: Sample, settings: PoisoningSettings
) -> OutlyingRows | None:
    """Judge both the window and the half of the baseline that the model of what is usual was not fitted on.

    None where no column of the wanted kind has values on both sides and varies, or the baseline is too small to fit on.
    """
    both = matrices(reference, window)
    kept = np.array([name in reference.encoding.numeric for name in both.names], dtype=np.bool_)
    robust = settings.outliers == "robust_distance"
    usable = kept if robust else np.ones(kept.size, dtype=np.bool_)
    learning, held_out, current = (
        np.clip(side[:, usable], -LARGEST, LARGEST) for side in (both.learning, both.held_out, both.window)
    )
    if learning.shape[1] == 0 or learning.shape[0] < 2 * learning.shape[1] + 2:
        return None
    halves = Halves(learning, held_out, (baseline, settings.max_rows, robust, both.names))
    usual = _stored_usual(store, halves, robust) if baseline.stored else _usual(halves, robust)
    before, now = usual.held_out, usual.model.find(current)
    order = np.argsort(-now.scores, kind="stable")[: settings.examples]
    return OutlyingRows(
        faulty=int(now.outlying.sum()),
        n=now.scores.size,
        faulty_baseline=int(before.outlying.sum()),
        n_baseline=before.scores.size,
        farthest=[str(window.ids[place]) for place in order if now.outlying[place]],
    )


@dataclass(frozen=True, slots=True)
class Halves:
    """The half of a baseline that a model is fitted on and the other one, known by the baseline and their columns."""

    learning: Floats = field(compare=False)
    held_out: Floats = field(compare=False)
    of: tuple[Baseline, int, bool, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Usual:
    """What a baseline says is usual, and what that says of its other half."""

    model: OutlierModel
    held_out: Outliers


@kept(16)
def _stored_usual(_store: Store, halves: Halves, robust: bool) -> Usual:
    return _usual(halves, robust)


def _usual(halves: Halves, robust: bool) -> Usual:
    with one_thread():
        model = (fit_robust_distance if robust else fit_isolation_forest)(halves.learning)
    return Usual(model, model.find(halves.held_out))

"""Effect sizes of all features of a window, with what chance alone gives taken off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.verdicts.rule import EffectMeasure
from modelspan_analyzer.verdicts.tables import CountTables


class Effects(NamedTuple):
    """Effect sizes, shape (features,) each: as computed, and beyond the mean that they have without drift."""

    measured: Floats
    excess: Floats


def effects(tables: CountTables, measure: EffectMeasure) -> Effects:
    """PSI (empty bins as half a row) or Jensen-Shannon distance (base 2) of every feature.

    The mean without drift is (1/n + 1/m) · (bins - 1) for PSI, and an eighth of it over ln 2 for the squared distance
    (see `statistics.null_distribution`).
    """
    used = (tables.baseline + tables.current) > 0
    chance = np.sum(1.0 / tables.n_baseline + 1.0 / tables.n_current, axis=1) * (used.sum(axis=1) - 1)
    if measure == "psi":
        measured = _psi(tables, used)
        return Effects(measured, np.maximum(measured - chance, 0.0))
    squared = _jensen_shannon_divergence(tables)
    return Effects(np.sqrt(squared), np.sqrt(np.maximum(squared - chance / (8.0 * np.log(2.0)), 0.0)))


def _psi(tables: CountTables, used: NDArray[np.bool_]) -> Floats:
    p = np.where(tables.baseline > 0, tables.baseline, 0.5) / tables.n_baseline
    q = np.where(tables.current > 0, tables.current, 0.5) / tables.n_current
    return np.asarray(np.sum(np.where(used, (p - q) * np.log(p / q), 0.0), axis=1), dtype=np.float64)


def _jensen_shannon_divergence(tables: CountTables) -> Floats:
    p, q = tables.baseline / tables.n_baseline, tables.current / tables.n_current
    mixture = (p + q) / 2.0
    divergence = np.sum(rel_entr(p, mixture) + rel_entr(q, mixture), axis=1) / (2.0 * np.log(2.0))
    return np.asarray(np.maximum(divergence, 0.0), dtype=np.float64)

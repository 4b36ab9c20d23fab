"""Effect sizes of all features of a window, with what chance alone gives taken off."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.null_distribution import jensen_shannon_scale, psi_scale
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.verdicts.rule import EffectMeasure
from modelspan_analyzer.verdicts.tables import CountTables


class Effects(NamedTuple):
    """Effect sizes, shape (features,) each: as computed, and beyond the mean that they have without drift."""

    measured: Floats
    excess: Floats


def effects(tables: CountTables, measure: EffectMeasure) -> Effects:
    """PSI (empty bins as half a row) or Jensen-Shannon distance (base 2) of every feature.

    The mean without drift is that of a scaled chi-squared variable, of bins - 1 degrees of freedom (see
    `statistics.null_distribution`).
    """
    degrees = ((tables.baseline + tables.current) > 0).sum(axis=1) - 1
    rows = tables.n_baseline[:, 0], tables.n_current[:, 0]
    if measure == "psi":
        measured = psi(tables.baseline, tables.current)
        return Effects(measured, np.maximum(measured - psi_scale(*rows) * degrees, 0.0))
    distance = jensen_shannon_distance(tables.baseline, tables.current)
    return Effects(distance, np.sqrt(np.maximum(distance**2 - jensen_shannon_scale(*rows) * degrees, 0.0)))

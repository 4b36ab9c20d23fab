"""What a binary model's scores are worth among inputs like the window's: learnt from the baseline's rows, weighted.

Calibration takes for granted that a score is worth as much in the window as in the baseline. A model that is wrong
about some kind of rows breaks that as soon as there are more of them, even though no row of that kind behaves otherwise
than before. Where inputs moved, the baseline's rows are weighted to look like the window's (`balance`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading.outcomes.read import SCORE
from modelspan_analyzer.reading.outcomes.target import Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import Encoding, Sample, find_encoding, sample
from modelspan_analyzer.statistics.estimation.calibrate import Calibration
from modelspan_analyzer.statistics.estimation.weighting import calibrate_among

MOST_ROWS: Final = 10_000
"""Rows of either side that are compared."""


class Alike(NamedTuple):
    """How scores are calibrated for a window."""

    calibration: Calibration
    guess: str = ""
    """What is taken for granted, as the baseline cannot show it; '' where it can."""


def calibrated(context: MonitorContext, reference: Rows, target: Target, overall: Calibration) -> Alike:
    """The calibration of the baseline's rows, weighted to the window's inputs where these moved.

    Where too few of its rows are like the window's, scores are taken to be worth what they are in all of it.
    """
    limit = min(context.settings.estimation.max_rows, MOST_ROWS)
    encoding = find_encoding(context.store, reference)
    named = np.array([name not in context.row_names for name in encoding.names], bool)
    before = scored_sample(context, reference, target, encoding, limit).evened()
    now = context.sample(encoding, limit).evened()
    if not named.any() or not len(before.ids) or not len(now.ids):
        return Alike(overall)
    names = tuple(name for name, kept in zip(encoding.names, named, strict=True) if kept)
    positive = (before.truth == target.positive).astype(float)
    sides = before.features[:, named], now.features[:, named]
    found = calibrate_among(before.value, positive, *sides, encoding.is_categorical[named], names)
    guess = f"scores are taken to be worth what they are in all of the baseline: {found.lacks}" if found.lacks else ""
    return Alike(found.calibration or overall, guess)


def scored_sample(context: MonitorContext, reference: Rows, target: Target, encoding: Encoding, limit: int) -> Sample:
    """Labelled rows of the baseline that have a score, which is their value."""
    rows = replace(
        reference,
        sql=f"SELECT * REPLACE ({SCORE} AS value) FROM ({reference.sql})",
        parameters={**reference.parameters, "positive": target.positive},
    )
    found = sample(context.store, rows, encoding, limit, labelled=True)
    return found.only(np.isfinite(found.value))

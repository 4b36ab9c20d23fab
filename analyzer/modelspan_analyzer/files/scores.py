"""Scores of a file as probabilities, by what a sure score is."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.amounts import with_infinite
from modelspan_analyzer.files.cells import valid
from modelspan_analyzer.files.rows import FileError, FileRows

LOG_ODDS: Final = "logit"
_PER_CENT: Final = 100.0
_FEW_MISFITS: Final = 0.01
_ROUNDING: Final = 1e-6


def convert(rows: FileRows, name: str, scale: str) -> pa.Array:
    """Scores as probabilities; a few beyond 0 to 1 are left out, many are an error that names the option."""
    scores = with_infinite(rows, name, "--score")
    if name in rows.percents and scale:
        if scale == LOG_ODDS or _positive(scale) != _PER_CENT:
            raise FileError(
                f"column {name!r} is marked as per cent, so that a sure score is {_PER_CENT:g}, and --score-scale"
                f" {scale} says otherwise: leave it out"
            )
        rows.remarks.assume(f"--score-scale {scale} says the same of column {name!r} as its marks: it is divided once")
    elif scale == LOG_ODDS:
        return pc.divide(1.0, pc.add(1.0, pc.exp(pc.negate(scores))))
    elif scale:
        scores = pc.divide(scores, _positive(scale))
        if (most := pc.max(scores).as_py()) is not None and most <= 1 / _positive(scale) < 1:
            rows.remarks.assume(f"no score of column {name!r} is above {most:g} after --score-scale {scale}")
    outside = pc.fill_null(pc.or_(pc.less(scores, -_ROUNDING), pc.greater(scores, 1 + _ROUNDING)), False)
    beyond = np.flatnonzero(outside.to_numpy(zero_copy_only=False))
    if beyond.size > max(_FEW_MISFITS * valid(scores).sum(), 0):
        least, most = (pc.min_max(scores)[end].as_py() for end in ("min", "max"))
        raise FileError(
            f"column {name!r} holds {least:g} to {most:g}, and scores are probabilities from 0 to 1;"
            f" say --score-scale 100 if they are percentages, --score-scale {LOG_ODDS} if they are log odds"
        )
    if beyond.size:
        rows.remarks.leave_out(
            f"{beyond.size:,} scores of column {name!r}, which are no probabilities ({rows.examples(beyond, scores)})"
        )
        scores = pc.if_else(outside, pa.scalar(None, pa.float64()), scores)
    return pc.min_element_wise(pc.max_element_wise(scores, 0.0, skip_nulls=False), 1.0, skip_nulls=False)


def _positive(scale: str) -> float:
    try:
        number = float(scale)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise FileError(f"--score-scale is what stands for certain, such as 100, or {LOG_ODDS}; not {scale!r}")
    return number

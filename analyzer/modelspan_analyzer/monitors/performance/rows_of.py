"""A measure that is the mean of a value of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from modelspan_analyzer.monitors.performance.common_classes import UNKNOWN
from modelspan_analyzer.monitors.performance.evaluate import Measured
from modelspan_analyzer.reading.outcomes.several import Several
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_analyzer.statistics.performance.means import mean_interval


def mean_of(
    several: Several,
    metric: str,
    values: FloatArray,
    constant: float,
    higher: bool,
    details: Mapping[str, object] | None = None,
) -> Measured:
    """The weighted mean of a value a row, with its interval; rows of which it is NaN are left out, and counted."""
    here = np.isfinite(values)
    told = dict(details or {})
    if here.sum() < here.size:
        already = told.get("rows_left_out")  # before the rows came here
        told["rows_left_out"] = int((~here).sum()) + (already if isinstance(already, int) else 0)
    if several.share < 1:
        told["share_of_rows"] = several.share
    rows = several.effective(here) if here.any() else 0.0
    if not here.any():
        return Measured(metric, UNKNOWN, constant, higher, 0, told, lacking="it is defined for no row")
    estimate = mean_interval(values[here], several.weight[here], rows)
    if not np.isfinite(estimate.value):
        estimate = estimate._replace(value=float(np.average(values[here], weights=several.weight[here])))
    return Measured(metric, estimate, constant, higher, round(rows), told)


def named(one: Measured, name: str) -> Measured:
    """The same of one output, label or step."""
    return replace(one, feature=name, by_class=None)

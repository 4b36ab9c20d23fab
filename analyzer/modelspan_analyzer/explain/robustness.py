"""How much a supplied model hangs on single features: a bounded sample is replayed with each of them broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.explain.frame import read_signature
from modelspan_analyzer.explain.supplied import load_model
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.performance.counts import FloatArray
from modelspan_analyzer.performance.matrix import find_encoding, sample
from modelspan_analyzer.performance.rows import unlabelled_rows
from modelspan_analyzer.results import Result, Verdict

SIGNAL = "robustness"


class Sensitivity(NamedTuple):
    """Mean absolute change of the prediction, in standard deviations of the predictions."""

    column: int
    missing: float
    """The feature is not there; NaN where the model refuses such rows."""
    shifted: float
    """A number is larger by one standard deviation; NaN for a category."""


def sensitivities(
    predict: Callable[[FloatArray], FloatArray], rows: FloatArray, is_categorical: npt.NDArray[np.bool_], seconds: float
) -> Iterator[Sensitivity]:
    """Break one feature after the other, as many as fit into the time.

    Args:
        predict: `(n, p)` rows to `(n,)` predictions.
        rows: the sample.
        is_categorical: `(p,)`.
        seconds: time after which no further feature is begun.
    """
    deadline, before = time.monotonic() + seconds, predict(rows)
    unit = float(before.std()) or 1.0
    for column in range(rows.shape[1]):
        if time.monotonic() > deadline:
            return
        shifted = rows[:, column] + np.nanstd(rows[:, column])
        larger = np.nan if is_categorical[column] else _change(predict, rows, column, shifted, before) / unit
        without = _change(predict, rows, column, np.full(len(rows), np.nan), before) / unit
        yield Sensitivity(column, without, larger)


def _change(
    predict: Callable[[FloatArray], FloatArray], rows: FloatArray, column: int, values: FloatArray, before: FloatArray
) -> float:
    broken = rows.copy()
    broken[:, column] = values
    try:
        return float(np.abs(predict(broken) - before).mean())
    except (ValueError, TypeError):
        return float("nan")


def robustness(context: MonitorContext) -> list[Result]:
    """For each feature how far predictions move without it, and with it shifted; off unless a model is configured."""
    settings = context.settings.robustness
    if not (settings.enabled and settings.model):
        return []
    rows = unlabelled_rows(context.model, context.version, context.window)
    encoding = find_encoding(context.store, rows)
    chosen = sample(context.store, rows, encoding, settings.rows).features
    if not len(chosen):
        return []
    predict = load_model(settings.model, encoding, read_signature(context.store, context.model, context.version))
    found = sensitivities(predict, chosen, encoding.is_categorical, settings.seconds)
    return [
        _result(context, metric, encoding.names[one.column], value, len(chosen))
        for one in found
        for metric, value in (("without_feature", one.missing), ("shifted_feature", one.shifted))
        if not (metric == "shifted_feature" and np.isnan(value))
    ]


def _result(context: MonitorContext, metric: str, feature: str, value: float, rows: int) -> Result:
    fields = {"feature": feature, "threshold": context.settings.robustness.max_change, "n": rows}
    if np.isnan(value):
        reason = f"the model refuses rows without {feature}"
        return context.result(SIGNAL, metric, None, Verdict.WARNING, reason=reason, **fields)
    alarm = value > context.settings.robustness.max_change
    reason = f"predictions move by {value:.2f} standard deviations" if alarm else ""
    return context.result(SIGNAL, metric, value, Verdict.ALARM if alarm else Verdict.OK, reason=reason, **fields)

"""Whether a supplied model came to hang on single features: bounded samples are replayed with each of them broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer import kinds
from modelspan_analyzer.explain.frame import read_signature
from modelspan_analyzer.explain.supplied import load_model
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Cost, Metric, Need, Signal
from modelspan_analyzer.reading.rows import baseline_rows, unlabelled_rows
from modelspan_analyzer.reading.samples.matrix import find_encoding, sample
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_analyzer.statistics.special import ndtr

SIGNAL: Final = "robustness"
FEWEST: Final = 30
"""Rows of each side that a mean is taken of."""
ALPHA: Final = 0.001
"""How improbable a rise must be by chance to alarm."""


class Moved(NamedTuple):
    """Mean absolute change of the prediction over some rows, in standard deviations of the baseline's predictions."""

    mean: float
    """NaN where the model refuses such rows."""
    error: float
    """Standard error of the mean."""


class Sensitivity(NamedTuple):
    """What breaking one feature does."""

    column: int
    missing: Moved
    """The feature is not there."""
    shifted: Moved
    """A number is larger by one standard deviation of the baseline's; NaN for a category."""


Predict = Callable[[FloatArray], FloatArray]
_UNKNOWN = Moved(float("nan"), float("nan"))


def sensitivities(
    predict: Predict, rows: FloatArray, reference: FloatArray, is_categorical: npt.NDArray[np.bool_], seconds: float
) -> Iterator[tuple[Sensitivity, Sensitivity]]:
    """Break one feature after the other, in the rows and in the reference alike, as many as fit into the time.

    Args:
        predict: `(n, p)` rows to `(n,)` predictions.
        rows: the sample.
        reference: rows of the baseline, whose spreads are the units; the sample itself where there is none.
        is_categorical: `(p,)`.
        seconds: time after which no further feature is begun.
    """
    deadline, sides = time.monotonic() + seconds, [(side, predict(side)) for side in (rows, reference)]
    unit = float(sides[1][1].std()) or 1.0
    for column in range(rows.shape[1]):
        if time.monotonic() > deadline:
            return
        known = reference[:, column][np.isfinite(reference[:, column])]
        step = np.nan if is_categorical[column] or not known.size else float(known.std())
        now, before = (
            Sensitivity(
                column,
                _moved(predict, *side, column, np.full(len(side[0]), np.nan), unit),
                _UNKNOWN if np.isnan(step) else _moved(predict, *side, column, side[0][:, column] + step, unit),
            )
            for side in sides
        )
        yield now, before


def _moved(
    predict: Predict, rows: FloatArray, answers: FloatArray, column: int, values: FloatArray, unit: float
) -> Moved:
    broken = rows.copy()
    broken[:, column] = values
    try:
        moved = np.abs(predict(broken) - answers) / unit
    except (ValueError, TypeError):
        return _UNKNOWN
    return Moved(float(moved.mean()), float(moved.std() / np.sqrt(len(moved))))


def robustness(context: MonitorContext) -> list[Result]:
    """For each feature how far predictions move without it, and with it shifted, beside the baseline's rows.

    How much a model hangs on its features is its nature; that it came to hang on one more than on the baseline is news.
    """
    settings = context.settings.robustness
    if not (settings.enabled and settings.model):
        return []
    rows = unlabelled_rows(context.model, context.version, context.window)
    reference = baseline_rows(context.with_rows) if context.with_rows else None
    encoding = find_encoding(context.store, reference or rows)
    now = sample(context.store, rows, encoding, settings.rows).features
    before = sample(context.store, reference, encoding, settings.rows).features if reference else now
    if min(len(now), len(before)) < FEWEST or not encoding.names:
        reason = f"{len(now)} rows with features against {len(before)} of the baseline; both need {FEWEST}"
        return [context.result(SIGNAL, "without_feature", None, Verdict.NOT_ENOUGH_DATA, n=len(now), reason=reason)]
    predict = load_model(settings.model, encoding, read_signature(context.store, context.model, context.version))
    found = sensitivities(predict, now, before, encoding.is_categorical, settings.seconds)
    sizes = len(now), len(before) if reference else 0
    return [
        _result(context, metric, encoding.names[one.column], *pair, sizes)
        for one, base in found
        for metric, pair in (
            ("without_feature", (one.missing, base.missing)),
            ("shifted_feature", (one.shifted, base.shifted)),
        )
        if not (metric == "shifted_feature" and encoding.is_categorical[one.column])
    ]


def _result(
    context: MonitorContext, metric: str, feature: str, now: Moved, before: Moved, rows: tuple[int, int]
) -> Result:
    limit, (n, n_baseline) = context.settings.robustness.max_change, rows
    seen = Seen(feature, n=n, n_baseline=n_baseline)
    if np.isnan(now.mean):
        usual = not n_baseline or np.isnan(before.mean)
        reason = f"the model refuses rows without {feature}" + (", of the baseline too" if usual else "")
        return context.judged(SIGNAL, metric, None, seen, Judged(Verdict.SKIPPED if usual else Verdict.WARNING, reason))
    if not n_baseline or np.isnan(before.mean):
        alone = Judged(Verdict.NOT_COMPARED, context.nothing_to_compare())
        return context.judged(SIGNAL, metric, now.mean, seen, alone)
    rise, error = now.mean - before.mean, float(np.hypot(now.error, before.error))
    p_value = float(ndtr(-rise / error)) if error > 0 else float(rise <= 0)
    alarm = rise > limit and p_value < ALPHA
    reason = f"predictions move by {now.mean:.2f} standard deviations, {before.mean:.2f} on the baseline"
    verdict = Verdict.ALARM if alarm else Verdict.OK
    judged = Judged(verdict, reason, before.mean + limit, p_value, {"baseline": before.mean})
    return context.judged(SIGNAL, metric, now.mean, seen, judged)


ROBUSTNESS: Final = Signal(
    SIGNAL,
    "greater sensitivity",
    kinds.PREDICTION_DRIFT,
    run=robustness,
    needs=(Need.BASELINE, Need.MODEL),
    cost=Cost.SAMPLE,
    whole_only="the model is asked again about a bounded sample, which holds few rows of a slice",
    metrics={
        "without_feature": Metric("greater sensitivity to missing values", kinds.PREDICTION_DRIFT),
        "shifted_feature": Metric("greater sensitivity to shifts", kinds.PREDICTION_DRIFT),
    },
)

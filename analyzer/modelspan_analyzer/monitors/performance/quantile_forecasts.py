"""The measures of quantile forecasts, and what these promise: levels in order, intervals that hold what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer.monitors.performance.evaluate import Measured
from modelspan_analyzer.monitors.performance.promise import Promise, Share
from modelspan_analyzer.monitors.performance.rows_of import mean_of, named
from modelspan_analyzer.reading.outcomes import several as reading
from modelspan_analyzer.reading.outcomes.several import MOST_NAMES, Several
from modelspan_analyzer.statistics.performance import quantiles
from modelspan_analyzer.statistics.performance.counts import FloatArray

MOST_CROSSED: Final = 0.05
"""Share of forecasts that may cross: levels that are fitted one by one do in a few rows."""
_NAN: Final = float("nan")


def measures(several: Several) -> list[Measured]:
    """Crossing, of all rows; pinball loss, coverage and width of central intervals of those with truths.

    Each is of all steps, and of several of each step by itself.
    """
    names, (answer,) = reading.matrices([several.answer])
    levels, forecast = _forecasts(names, answer)
    found = list(_crossing(several, levels, forecast))
    known = reading.labelled(several)
    names, (answer, truth) = reading.matrices([known.answer, known.truth])
    levels, forecast = _forecasts(names, answer)
    actual = truth[:, [at for at, name in enumerate(names) if name.split("[")[0] == "value"]]
    steps = min(forecast.shape[2], actual.shape[1])
    forecast, actual = forecast[:, :, :steps], actual[:, :steps]
    if not levels or not steps or np.isnan(forecast + actual).all():
        return found
    for step, part in _parts(steps):
        found += _of_truths(known, levels, forecast[:, :, part], actual[:, part], step)
    return found


def _forecasts(names: Sequence[str], answer: FloatArray) -> tuple[list[float], FloatArray]:
    """The levels ascending, and forecasts `(levels, rows, steps)`: as many steps as each level has."""
    by_level: dict[float, list[int]] = {}
    for at, name in enumerate(names):
        if _is_level(head := name.split("[")[0]):
            by_level.setdefault(float(head), []).append(at)
    steps, levels = min(map(len, by_level.values()), default=0), sorted(by_level)
    forecast = np.array([answer[:, by_level[level][:steps]] for level in levels])
    return levels, forecast.reshape(len(levels), len(answer), steps)


def _is_level(name: str) -> bool:
    try:
        return 0 < float(name) < 1
    except ValueError:
        return False


def _parts(steps: int) -> Iterator[tuple[str, slice]]:
    """All steps together, and each of several by its name."""
    yield "", slice(None)
    for at in range(min(steps, MOST_NAMES) if steps > 1 else 0):
        yield f"step {at + 1}", slice(at, at + 1)


def _crossing(several: Several, levels: Sequence[float], forecast: FloatArray) -> Iterator[Measured]:
    """How many forecasts cross, which is wrong whatever turns out to be true."""
    if len(levels) < 2 or not forecast.size:
        return
    crossed = quantiles.crossed(forecast)
    for step, part in _parts(forecast.shape[2]):
        one = _over_steps(several, "quantile_crossing", crossed[:, part], _NAN, False, step)
        said = f"{one.estimate.value:.1%} of the forecasts have a quantile that lies below one of a lower level"
        yield replace(one, promise=Promise(Share(one.estimate.value, MOST_CROSSED, MOST_CROSSED), said))


def _of_truths(
    several: Several, levels: list[float], forecast: FloatArray, actual: FloatArray, step: str
) -> Iterator[Measured]:
    losses = quantiles.mean_pinball(levels, forecast, actual)
    best = _constant_pinball(levels, actual, several.weight)
    yield _over_steps(several, "pinball_loss", losses, best, False, step)
    for percent, (low, high) in quantiles.pairs(levels).items():
        lower, upper = forecast[low], forecast[high]
        held = _over_steps(
            several, f"interval_coverage_{percent}", quantiles.covered(lower, upper, actual), _NAN, True, step
        )
        inside = _over_steps(several, "", quantiles.covered(lower, upper, actual, ends=False), _NAN, True, step)
        nominal = percent / 100
        promise = _of_coverage(held.estimate.value, inside.estimate.value, nominal)
        yield replace(held, promise=promise, details={**held.details, "nominal": nominal})
        width = np.where(np.isnan(actual), np.nan, upper - lower)
        yield _over_steps(several, f"interval_width_{percent}", width, _NAN, False, step)


def _of_coverage(held: float, inside: float, nominal: float) -> Promise:
    """Intervals hold as many truths as they say: surely fewer is wrong, surely more a waste.

    Truths at their ends may be as many as they like, as where half of all truths are 0: too many are those inside.
    """
    return Promise(
        Share(1 - held, 1 - nominal, quantiles.noticeably_above(1 - nominal)),
        f"intervals that say {nominal:.0%} hold {held:.1%} of the truths",
        Share(inside, nominal, quantiles.noticeably_above(nominal)),
        higher_is_better=True,
    )


def _over_steps(
    several: Several, metric: str, values: FloatArray, constant: float, higher: bool, step: str
) -> Measured:
    """The mean over the steps that are known of each row, then over rows, which are what is independent."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        by_row = np.where(known, values, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    return named(mean_of(several, metric, by_row, constant, higher), step)


def _constant_pinball(levels: list[float], actual: FloatArray, weight: FloatArray) -> float:
    """What always giving the quantiles of the truths themselves reaches, step by step."""
    if np.isnan(actual).any():
        return _NAN
    best = np.array([np.quantile(actual, level, axis=0, method="inverted_cdf") for level in levels])
    losses = quantiles.mean_pinball(levels, np.repeat(best[:, None], len(actual), axis=1), actual)
    return float(np.average(losses.mean(axis=1), weights=weight))

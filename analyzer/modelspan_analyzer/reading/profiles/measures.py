"""The measures of drift that a window can be asked for, in one table; each works on sketches as on rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np

from modelspan_analyzer.reading.profiles.profile import Floats, Kind, Support
from modelspan_analyzer.statistics.anderson_darling import anderson_darling
from modelspan_analyzer.statistics.chebyshev import chebyshev_distance
from modelspan_analyzer.statistics.chi_squared import chi_squared
from modelspan_analyzer.statistics.cramer_von_mises import cramer_von_mises
from modelspan_analyzer.statistics.energy import energy_distance
from modelspan_analyzer.statistics.g_test import g_test
from modelspan_analyzer.statistics.hellinger import hellinger_distance
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import greatest_step, kolmogorov_smirnov_p_values
from modelspan_analyzer.statistics.kullback_leibler import kullback_leibler_divergence
from modelspan_analyzer.statistics.mann_whitney import mann_whitney
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.statistics.sketch_error import (
    Bounds,
    jensen_shannon_bounds,
    kolmogorov_smirnov_bounds,
    psi_bounds,
    total_variation_bounds,
    wasserstein_bounds,
)
from modelspan_analyzer.statistics.sorted_samples import kolmogorov_smirnov_of_sorted, wasserstein_of_sorted
from modelspan_analyzer.statistics.total_variation import total_variation_distance
from modelspan_analyzer.statistics.types import TestResult
from modelspan_analyzer.statistics.wasserstein import wasserstein_of_steps
from modelspan_analyzer.statistics.weighted import Steps, distribution_steps
from modelspan_analyzer.statistics.weighted import support as shares


@dataclass(frozen=True)
class Compared:
    """One column of the baseline and of the window, in the forms that measures take."""

    reference_counts: Floats
    """Rows in each bin pinned on the baseline, missing values included; bins that are empty on both sides left out."""
    current_counts: Floats
    reference: Support | None
    """None for a categorical column, and where there is no value."""
    current: Support | None
    reference_std: float
    reference_n: int
    """Rows with a value, unweighted."""
    current_n: int
    together: tuple[Floats, Floats] | None = None
    """Rows in bins chosen by both sides together, for tests, where those of the baseline were chosen among more."""

    @cached_property
    def steps(self) -> Steps:
        """Both distribution functions, merged once for all measures of weighted values that read them."""
        assert self.reference is not None and self.current is not None
        return distribution_steps(
            shares(self.reference.values, self.reference.weights, "reference"),
            shares(self.current.values, self.current.weights, "current"),
        )

    @property
    def errors(self) -> tuple[float, float]:
        """The rank errors of both sides: 0 where they are exact."""
        return (
            self.reference.rank_error if self.reference else 0.0,
            self.current.rank_error if self.current else 0.0,
        )


class Measured(NamedTuple):
    """A measure's value, its p-value where it is a test's, and where sketches bound the exact value."""

    value: float
    p_value: float | None = None
    bounds: Bounds | None = None
    rows: tuple[int, int] | None = None
    """Those of both sides, of a Kolmogorov-Smirnov statistic: its p-value comes `with_p_values`."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the table."""

    name: str
    kinds: tuple[Kind, ...]
    compute: Callable[[Compared], Measured | None]
    """None where a side has no value to measure."""


_CountBounds = Callable[[Floats, Floats, float, float], Bounds]
_SupportTest = Callable[[Floats, Floats, Floats, Floats], TestResult]


def _distance(
    function: Callable[[Floats, Floats], Floats], bounds: _CountBounds | None = None
) -> Callable[[Compared], Measured]:
    """A distance of counts."""

    def compute(compared: Compared) -> Measured:
        counts = compared.reference_counts, compared.current_counts
        bounded = bounds(*counts, *compared.errors) if bounds and any(compared.errors) else None
        return Measured(float(function(*counts)), bounds=bounded)

    return compute


def _test(function: Callable[[Floats, Floats], TestResult]) -> Callable[[Compared], Measured]:
    """A test on counts, in bins that are no choice of one side."""
    return lambda found: Measured(*function(*(found.together or (found.reference_counts, found.current_counts))))


def _rank_test(function: _SupportTest) -> Callable[[Compared], Measured | None]:
    """A test on values with how many rows have each."""

    def compute(compared: Compared) -> Measured | None:
        if compared.reference is None or compared.current is None:
            return None
        reference = _row_counts(compared.reference, compared.reference_n)
        current = _row_counts(compared.current, compared.current_n)
        return Measured(*function(compared.reference.values, compared.current.values, reference, current))

    return compute


def _row_counts(support: Support, n: int) -> Floats:
    weights = np.ones(support.values.size) if support.weights is None else support.weights
    return np.asarray(weights * (n / weights.sum()), np.float64)


def _kolmogorov_smirnov(compared: Compared) -> Measured | None:
    reference, current = compared.reference, compared.current
    if reference is None or current is None:
        return None
    if reference.weights is None and current.weights is None:
        statistic = kolmogorov_smirnov_of_sorted(reference.values, current.values)
    else:
        statistic = greatest_step(compared.steps)
    bounds = kolmogorov_smirnov_bounds(statistic, *compared.errors) if any(compared.errors) else None
    return Measured(statistic, None, bounds, (compared.reference_n, compared.current_n))


def with_p_values(measured: Sequence[Mapping[str, Measured]]) -> list[dict[str, Measured]]:
    """What was measured of columns with the p-values that cost little only where many columns are taken together."""
    completed = [dict(one) for one in measured]
    waiting = [(one, name) for one in completed for name, found in one.items() if found.rows is not None]
    waiting.sort(key=lambda place: place[0][place[1]].rows or (0, 0))
    for rows, places in groupby(waiting, key=lambda place: place[0][place[1]].rows):
        same = list(places)
        assert rows is not None
        p_values = kolmogorov_smirnov_p_values(np.array([one[name].value for one, name in same]), *rows)
        for (one, name), p_value in zip(same, p_values, strict=True):
            one[name] = one[name]._replace(p_value=float(p_value), rows=None)
    return completed


def _wasserstein(compared: Compared) -> Measured | None:
    reference, current = compared.reference, compared.current
    if reference is None or current is None:
        return None
    if reference.weights is None and current.weights is None:
        distance = wasserstein_of_sorted(reference.values, current.values)
    else:
        distance = wasserstein_of_steps(compared.steps)
    if not any(compared.errors):
        return Measured(distance)
    low, high = min(reference.values[0], current.values[0]), max(reference.values[-1], current.values[-1])
    return Measured(distance, bounds=wasserstein_bounds(distance, *compared.errors, float(low), float(high)))


def _normalized_wasserstein(compared: Compared) -> Measured | None:
    found, scale = _wasserstein(compared), max(compared.reference_std, 0.001)
    if found is None:
        return None
    bounds = Bounds(found.bounds.lower / scale, found.bounds.upper / scale) if found.bounds else None
    return Measured(found.value / scale, bounds=bounds)


def _energy(compared: Compared) -> Measured | None:
    reference, current = compared.reference, compared.current
    if reference is None or current is None:
        return None
    return Measured(energy_distance(reference.values, current.values, reference.weights, current.weights))


_BOTH = (Kind.NUMERIC, Kind.CATEGORICAL)
_NUMERIC = (Kind.NUMERIC,)

MEASURES: tuple[Measure, ...] = (
    Measure("psi", _BOTH, _distance(psi, psi_bounds)),
    Measure("jensen_shannon_distance", _BOTH, _distance(jensen_shannon_distance, jensen_shannon_bounds)),
    Measure("kolmogorov_smirnov", _NUMERIC, _kolmogorov_smirnov),
    Measure("wasserstein_distance", _NUMERIC, _wasserstein),
    Measure("normalized_wasserstein_distance", _NUMERIC, _normalized_wasserstein),
    Measure("chi_squared", (Kind.CATEGORICAL,), _test(chi_squared)),
    Measure("g_test", _BOTH, _test(g_test)),
    Measure("kullback_leibler_divergence", _BOTH, _distance(kullback_leibler_divergence)),
    Measure("hellinger_distance", _BOTH, _distance(hellinger_distance)),
    Measure("total_variation_distance", _BOTH, _distance(total_variation_distance, total_variation_bounds)),
    Measure("chebyshev_distance", _BOTH, _distance(chebyshev_distance)),
    Measure("energy_distance", _NUMERIC, _energy),
    Measure("anderson_darling", _NUMERIC, _rank_test(anderson_darling)),
    Measure("cramer_von_mises", _NUMERIC, _rank_test(cramer_von_mises)),
    Measure("mann_whitney", _NUMERIC, _rank_test(mann_whitney)),
)

MEASURE_NAMES = tuple(measure.name for measure in MEASURES)

DEFAULT_MEASURES = (
    "psi",
    "jensen_shannon_distance",
    "kolmogorov_smirnov",
    "wasserstein_distance",
    "normalized_wasserstein_distance",
    "chi_squared",
)

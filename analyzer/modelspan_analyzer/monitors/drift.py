"""Drift of columns: each compared with the baseline in bins that are pinned there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from modelspan_analyzer.config.settings import DriftSettings
from modelspan_analyzer.distributions.binning import count, pin_bins
from modelspan_analyzer.distributions.read import supports
from modelspan_analyzer.distributions.vocabulary import Column, Floats, Kind, Profile, Support
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.statistics.chi_squared import chi_squared
from modelspan_analyzer.statistics.jensen_shannon import jensen_shannon_distance
from modelspan_analyzer.statistics.kolmogorov_smirnov import kolmogorov_smirnov
from modelspan_analyzer.statistics.psi import psi
from modelspan_analyzer.statistics.wasserstein import wasserstein_distance


@dataclass(frozen=True, slots=True)
class Pair:
    """One column of the baseline beside the same one of the window."""

    name: str
    reference: Column
    current: Column
    reference_support: Support | None
    current_support: Support | None


def drift(context: MonitorContext, signal: str, settings: DriftSettings, *, outputs: bool) -> list[Result]:
    """All distribution measures of the features, or of the model's outputs."""
    if context.reference is None:
        reason = f"no baseline yet: it is learnt from the first {context.settings.baseline.learn} predictions"
        return [context.result(signal, "psi", None, Verdict.NOT_ENOUGH_DATA, n=context.current.rows, reason=reason)]
    results: list[Result] = []
    pairs = list(_pairs(context, context.reference, settings, outputs))
    for pair in pairs:
        results += _measure(context, signal, settings, pair, len(pairs))
    return results


def _pairs(context: MonitorContext, reference: Profile, settings: DriftSettings, outputs: bool) -> Iterator[Pair]:
    """The columns that both sides know; new and vanished ones are data quality's."""
    current = context.current
    before, after = (reference.outputs, current.outputs) if outputs else (reference.features, current.features)
    names = [name for name in before if name in after and _chosen(name, settings)]
    numeric = [name for name in names if before[name].kind is Kind.NUMERIC and after[name].numbers is not None]
    for name in names:
        if name not in numeric:
            yield Pair(name, before[name], after[name], None, None)
    exact = settings.exact
    for current_part in supports(context.store, current, numeric, outputs=outputs, exact=exact):
        part = list(current_part)
        for reference_part in supports(context.store, reference, part, outputs=outputs, exact=exact):
            for name, support in reference_part.items():
                yield Pair(name, before[name], after[name], support, current_part.get(name))


def _chosen(name: str, settings: DriftSettings) -> bool:
    return (settings.features is None or name in settings.features) and name not in settings.exclude


def _measure(context: MonitorContext, signal: str, settings: DriftSettings, pair: Pair, family: int) -> list[Result]:
    n, n_baseline = pair.current.n + pair.current.null_n, pair.reference.n + pair.reference.null_n
    facts = {"feature": pair.name, "n": n, "n_baseline": n_baseline, "monitor": signal}
    if pair.reference.kind is Kind.EMPTY:
        reason = f"{pair.name} has no value in the baseline to compare with"
        return [context.result(signal, "psi", None, Verdict.SKIPPED, reason=reason, **facts)]
    if min(n, n_baseline) < settings.min_rows:
        reason = f"{n} rows beside {n_baseline} of the baseline; {settings.min_rows} are needed on both sides"
        return [context.result(signal, "psi", None, Verdict.NOT_ENOUGH_DATA, reason=reason, **facts)]
    bins = pin_bins(pair.reference, pair.reference_support)
    before = _scaled(count(bins, pair.reference, pair.reference_support), n_baseline)
    after = _scaled(count(bins, pair.current, pair.current_support), n)
    used = (before > 0) | (after > 0)
    before, after = before[used], after[used]
    index = psi(before, after)
    bar = float(stats.chi2.isf(0.01 / family, max(1, before.size - 1))) * (1 / n + 1 / n_baseline)
    verdict = Verdict.ALARM if index > max(bar, 0.1) else Verdict.OK
    results = [
        context.result(signal, "psi", index, verdict, threshold=max(bar, 0.1), **facts),
        context.result(signal, "jensen_shannon_distance", jensen_shannon_distance(before, after), Verdict.OK, **facts),
    ]
    if bins.kind is Kind.CATEGORICAL:
        test = chi_squared(before, after)
        return [
            *results,
            context.result(signal, "chi_squared", test.statistic, Verdict.OK, p_value=test.p_value, **facts),
        ]
    return results + _numeric(context, signal, pair, facts)


def _numeric(context: MonitorContext, signal: str, pair: Pair, facts: dict[str, object]) -> list[Result]:
    reference, current = pair.reference_support, pair.current_support
    if reference is None or current is None or not reference.values.size or not current.values.size:
        return []
    arguments = reference.values, current.values, reference.weights, current.weights
    test = kolmogorov_smirnov(*arguments, n_reference=pair.reference.n, n_current=pair.current.n)
    distance = wasserstein_distance(*arguments)
    scale = pair.reference.numbers.std if pair.reference.numbers else 0.0
    return [
        context.result(signal, "kolmogorov_smirnov", test.statistic, Verdict.OK, p_value=test.p_value, **facts),
        context.result(signal, "wasserstein_distance", distance, Verdict.OK, **facts),
        context.result(signal, "normalized_wasserstein_distance", distance / max(scale, 0.001), Verdict.OK, **facts),
    ]


def _scaled(counts: Floats, n: int) -> Floats:
    """Weighted counts as counts of rows: weights change the shares, not how much evidence there is."""
    total = counts.sum()
    return np.asarray(counts * (n / total), np.float64) if total > 0 else counts

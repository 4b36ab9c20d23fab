"""Verdicts in sentences."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.verdicts.p_value import p_words
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts

MEASURE_NAMES = {"psi": "PSI", "jensen_shannon": "Jensen-Shannon distance"}


def scarcity_reason(n_baseline: int, n_current: int, least: int) -> str:
    """Why a feature was not judged."""
    side, rows = ("baseline", n_baseline) if n_baseline < n_current else ("window", n_current)
    return f"the {side} has {rows:,} rows, a verdict needs {least:,}"


def drift_reason(
    feature: FeatureCounts,
    rule: DriftRule,
    floor: float,
    measured: float,
    excess: float,
    q_value: float,
    lasting: bool,
    negligible: bool,
) -> str:
    """Why a feature was judged as it was: the effect, the evidence, and where the change sits."""
    name = MEASURE_NAMES[rule.measure]
    figures = f"{name} {measured:.3g} ({excess:.3g} beyond chance), {p_words(q_value, 'adjusted p')}"
    if q_value > rule.alpha:
        return f"{figures}: such counts also occur without drift (allowed {rule.alpha:g})"
    if excess < floor:
        return f"{figures}: a real change, but smaller than the floor of {floor:.3g}{_largest_change(feature)}"
    sentence = f"{figures}: drift above the floor of {floor:.3g}{_largest_change(feature)}"
    if not lasting:
        sentence += (
            f"; fewer than {rule.persistence_breaches} of the last {rule.persistence_windows} windows breached so far"
        )
    if negligible:
        sentence += f"; its share of all importance is below {rule.negligible_importance:g}"
    return sentence


def _largest_change(feature: FeatureCounts) -> str:
    """The bin whose share moved most, where the bins have names."""
    if not feature.labels:
        return ""
    baseline, current = np.asarray(feature.baseline, dtype=float), np.asarray(feature.current, dtype=float)
    before, after = baseline / baseline.sum(), current / current.sum()
    bin_ = int(np.argmax(np.abs(after - before)))
    return f"; most in {feature.labels[bin_]} ({before[bin_]:.1%} → {after[bin_]:.1%})"

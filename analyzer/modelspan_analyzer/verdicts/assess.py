"""One window against its baseline: a verdict and a reason for every feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values
from modelspan_analyzer.verdicts.effect import effects
from modelspan_analyzer.verdicts.evidence import drift_p_values
from modelspan_analyzer.verdicts.persistence import persists
from modelspan_analyzer.verdicts.reasons import drift_reason, scarcity_reason
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts, FeatureVerdict
from modelspan_analyzer.verdicts.tables import tables_of

DEFAULT_RULE = DriftRule()


def assess_drift(features: Sequence[FeatureCounts], rule: DriftRule = DEFAULT_RULE) -> list[FeatureVerdict]:
    """Judge all features of one window together (the correction needs them all), in the order given.

    Features with too few rows on a side get `not_enough_data` and take no part in the correction.
    Raises `ValueError`, naming the feature, for counts that are no counts or bins that differ.
    """
    least = max(rule.minimum_rows, 1)
    enough = [min(_rows(feature)) >= least for feature in features]
    judged = iter(_judge([feature for feature, fit in zip(features, enough, strict=True) if fit], features, rule))
    return [
        next(judged) if fit else _not_enough_data(feature, least) for feature, fit in zip(features, enough, strict=True)
    ]


def ranked(verdicts: Sequence[FeatureVerdict]) -> list[FeatureVerdict]:
    """The same verdicts, what matters most first: alarms, then warnings, then the rest, each by priority."""
    order = {Verdict.ALARM: 0, Verdict.WARNING: 1}
    return sorted(verdicts, key=lambda verdict: (order.get(verdict.verdict, 2), -verdict.priority))


def _rows(feature: FeatureCounts) -> tuple[int, int]:
    """Rows of the baseline and of the window; counts that were scaled from weights add up to them but for rounding."""
    return round(float(np.sum(feature.baseline))), round(float(np.sum(feature.current)))


def _not_enough_data(feature: FeatureCounts, least: int) -> FeatureVerdict:
    n_baseline, n = _rows(feature)
    reason = scarcity_reason(n_baseline, n, least)
    return FeatureVerdict(feature.feature, Verdict.NOT_ENOUGH_DATA, reason, n, n_baseline)


def _judge(judged: Sequence[FeatureCounts], features: Sequence[FeatureCounts], rule: DriftRule) -> list[FeatureVerdict]:
    if not judged:
        return []
    measured = effects(tables_of(judged), rule.measure).measured
    tables = tables_of([_together(feature) for feature in judged])
    excess, p_values = effects(tables, rule.measure).excess, drift_p_values(tables)
    q_values = adjusted_p_values(p_values, rule.correction)
    importances = _importance_shares(judged, features)
    results = []
    for row, feature in enumerate(judged):
        evident = bool(q_values[row] <= rule.alpha)
        floor, warning_floor = _floors(feature, rule)
        breach = evident and bool(excess[row] >= floor)
        warns = evident and warning_floor is not None and bool(excess[row] >= warning_floor)
        lasting = breach and persists([*feature.earlier_breaches, breach], rule)
        negligible = importances is not None and bool(importances[row] < rule.negligible_importance)
        verdict = Verdict.OK
        if lasting and not negligible:
            verdict = Verdict.ALARM
        elif breach or warns:
            verdict = Verdict.WARNING
        results.append(
            FeatureVerdict(
                feature=feature.feature,
                verdict=verdict,
                reason=drift_reason(
                    feature, rule, floor, measured[row], excess[row], q_values[row], lasting, negligible
                ),
                n=_rows(feature)[1],
                n_baseline=_rows(feature)[0],
                effect=float(measured[row]),
                excess_effect=float(excess[row]),
                p_value=float(p_values[row]),
                q_value=float(q_values[row]),
                breach=breach,
                priority=float(excess[row] * (1.0 if importances is None else importances[row])),
            )
        )
    return results


def _together(feature: FeatureCounts) -> FeatureCounts:
    """The feature in bins that both sides chose, where those of the baseline alone would favour it."""
    if feature.together is None:
        return feature
    return replace(feature, baseline=feature.together[0], current=feature.together[1])


def _floors(feature: FeatureCounts, rule: DriftRule) -> tuple[float, float | None]:
    """The effects from which a feature alarms, and warns."""
    if feature.effect_floor is not None:
        return feature.effect_floor, None
    return rule.effect_floor, rule.warning_floor


def _importance_shares(judged: Sequence[FeatureCounts], features: Sequence[FeatureCounts]) -> Floats | None:
    """Shares of all importance, shape (judged,); None where none is known. An unknown one counts as the mean share."""
    known = [feature.importance for feature in features if feature.importance is not None]
    if not known or sum(known) <= 0:
        return None
    mean = sum(known) / len(known)
    total = sum(mean if feature.importance is None else feature.importance for feature in features)
    return np.array([(mean if feature.importance is None else feature.importance) / total for feature in judged])

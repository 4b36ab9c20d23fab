"""The monitor of all features together: reconstruction error of principal components, and the domain classifier.

Both see what no single feature shows: that two features no longer go together. An alarm needs an effect beyond what
chance gives and beyond what the baseline's own stretches of time show, and evidence, a rank test whose level is shared
by the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from modelspan_analyzer import kinds
from modelspan_analyzer.config.sample_settings import MultivariateSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.like import beside_like, calm_like
from modelspan_analyzer.monitors.multivariate.normal import standardised_shift, stretches, usual_auc, usual_shift
from modelspan_analyzer.monitors.signal import Cost, Need, Signal
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.relation import window_relation
from modelspan_analyzer.reading.samples.features import Matrices, Reference, matrices, read_reference, read_window
from modelspan_analyzer.reading.samples.matrix import Sample, mixed
from modelspan_analyzer.reading.samples.thinned import rows_in
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, Window
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.domain_trees import domain_trees
from modelspan_analyzer.statistics.mann_whitney import mann_whitney
from modelspan_analyzer.statistics.pca_reconstruction import PrincipalComponents, fit_principal_components
from modelspan_analyzer.verdicts.normal_range import LEAST_CHUNKS
from modelspan_analyzer.verdicts.p_value import p_words
from modelspan_collector.store.connect import Store

SIGNAL: Final = "multivariate"
RECONSTRUCTION: Final = "reconstruction_error"
MEASURES = (RECONSTRUCTION, "domain_classifier_auc")
SETTLED: Final = 0.1
"""A p-value of half of the rows above which nothing alarms, whatever the other half says: nine in ten windows."""
EARLIER_ROWS: Final = 500
"""Rows of each earlier window, at most, that tell whether the mix moves steadily."""
SHOWN = 5
"""Features that a result names."""


def multivariate(context: MonitorContext) -> list[Result]:
    """Both measures over a bounded sample of the window and of the baseline."""
    settings, baseline = context.settings.multivariate, context.baseline
    if baseline is None:
        return _none(context, Verdict.NOT_ENOUGH_DATA, context.learning, 0, 0)
    if context.no_rows:
        return context.skipped_without_rows(SIGNAL, *MEASURES, monitor=SIGNAL)
    reference = read_reference(context.store, baseline, settings.max_rows)
    window = context.sample(reference.encoding, settings.max_rows)
    n, n_baseline = len(window.ids), len(reference.held_out.ids)
    if min(n, n_baseline) < settings.min_rows:
        reason = f"{n} rows against {n_baseline} of the baseline's held-out half; both need {settings.min_rows}"
        return _none(context, Verdict.NOT_ENOUGH_DATA, reason, n, n_baseline)
    both = matrices(reference, window, {*context.usual, *context.row_names})
    if not _vary(both):
        return _none(context, Verdict.SKIPPED, "no feature with values on both sides varies", n, n_baseline)
    found = [measure(context, baseline, reference, both, baseline.stored) for measure in (_reconstruction, _classifier)]
    return [_in_season(context, baseline, reference, window, one) for one in found]


def _in_season(
    context: MonitorContext, baseline: Baseline, reference: Reference, window: Sample, one: Result
) -> Result:
    """An alarm beside windows like its own instead of the baseline, where there are such with enough rows."""
    if one.verdict is not Verdict.ALARM:
        return one
    limit, least = context.settings.multivariate.max_rows, context.settings.multivariate.min_rows
    left_out = {*context.usual, *context.row_names}
    measure = _reconstruction if one.metric == RECONSTRUCTION else _classifier

    def height(earlier: Window) -> float:
        rows = _rows_of(context, [earlier], reference, max(least, EARLIER_ROWS))
        if rows is None or len(rows.ids) < least:
            return float("nan")
        value = measure(context, baseline, reference, matrices(reference, rows, left_out), baseline.stored).value
        return float("nan") if value is None else value

    calm = calm_like(context, SIGNAL, one.metric, height)
    like = _rows_of(context, calm.windows, reference, limit)
    if like is None or len(like.ids) < least:
        return replace(one, details={**one.details, **calm.details})
    beside = replace(reference, held_out=like)
    again = measure(context, baseline, beside, matrices(beside, window, left_out), False)
    reason = f"{again.reason}; {beside_like(len(calm.windows))}"
    return replace(again, reason=reason, details={**again.details, **calm.details})


def _rows_of(context: MonitorContext, windows: Sequence[Window], reference: Reference, limit: int) -> Sample | None:
    """At most `limit` rows of some windows, mixed; None where they have none."""
    found = []
    for window in windows:
        relation = window_relation(context.model, None, window)
        if rows := rows_in(context.store, relation):
            most = -(-limit // len(windows))
            found.append(read_window(context.store, relation, reference.encoding, most, rows))
    return mixed(found) if found else None


def _none(context: MonitorContext, verdict: Verdict, reason: str, n: int, n_baseline: int) -> list[Result]:
    return [
        context.result(SIGNAL, metric, None, verdict, reason=reason, n=n, n_baseline=n_baseline, monitor=SIGNAL)
        for metric in MEASURES
    ]


def _vary(both: Matrices) -> bool:
    rows = np.concatenate([both.learning, both.held_out, both.window])
    return rows.shape[1] > 0 and bool(np.any(np.nanmax(rows, axis=0) > np.nanmin(rows, axis=0)))


@dataclass(frozen=True, slots=True)
class Learning:
    """Both halves of a baseline, known by it and by the columns that they are of."""

    learning: Floats = field(compare=False)
    held_out: Floats = field(compare=False)
    of: tuple[Baseline | None, int, tuple[str, ...]]


def _components(_store: Store, halves: Learning, variance: float) -> tuple[PrincipalComponents, Floats]:
    """Components of the one half, and what they leave of the other."""
    components = fit_principal_components(halves.learning, variance=variance)
    return components, components.residuals(halves.held_out)


_kept_components = kept(16)(_components)
"""Those of stored rows, which never change."""


def _reconstruction(
    context: MonitorContext, baseline: Baseline, reference: Reference, both: Matrices, known: bool
) -> Result:
    """The window's mean error beside the held-out half's, on components of the learning half.

    `known`: whether the reference is the baseline's own, which never changes.
    """
    settings, seen = context.settings.multivariate, _seen(both)
    learning = Learning(both.learning, both.held_out, (baseline, settings.max_rows, both.names))
    components, usual = (_kept_components if known else _components)(context.store, learning, settings.variance)
    residuals = [usual, components.residuals(both.window)]
    before, now = (np.linalg.norm(side, axis=1) for side in residuals)
    mean, spread = float(before.mean()), float(before.std())
    shift = standardised_shift(before, now)
    floor = usual_shift(before, stretches(reference.held_out.timestamp), settings.min_change)
    p_value = mann_whitney(before, now).p_value
    alarm = abs(shift) >= floor and p_value <= settings.alpha / len(MEASURES)
    changes = np.mean(residuals[1] ** 2, axis=0) - np.mean(residuals[0] ** 2, axis=0)
    most = _most(both.names, np.abs(changes))
    margin = 3.0 * float(now.std()) / float(np.sqrt(now.size))
    reason = (
        f"error {now.mean():.3g} from {mean:.3g}, {shift:+.2g} sd beyond chance (floor {floor:.2g}), {p_words(p_value)}"
    )
    if alarm:
        reason = f"the features hang together differently: {reason}; most in {', '.join(most)}"
    value = float(now.mean())
    direction = "above" if shift >= 0 else "below"
    of = replace(seen, lower=value - margin, upper=value + margin, direction=direction)
    judged = Judged(
        Verdict.ALARM if alarm else Verdict.OK,
        reason,
        mean + (floor if shift >= 0 else -floor) * spread,
        p_value,
        {"baseline": mean, "shift": shift, "floor": floor, "features": most, "left_out": both.left_out},
    )
    return context.judged(SIGNAL, RECONSTRUCTION, value, of, judged, SIGNAL)


def _classifier(
    context: MonitorContext, baseline: Baseline, _reference: Reference, both: Matrices, _known: bool
) -> Result:
    """How well the window is told from the held-out half."""
    settings = context.settings.multivariate
    test = domain_trees(both.held_out, both.window, settled=max(SETTLED, settings.alpha))
    floor = settings.min_auc
    if baseline.stored and test.auc >= floor and test.p_value <= settings.alpha / len(MEASURES):
        floor = _learnt_auc(
            context.store, baseline, settings
        )  # costs a few fits, once a baseline, and only on suspicion
    alarm = test.auc >= floor and test.p_value <= settings.alpha / len(MEASURES)
    most = _most(both.names, test.importances)
    reason = f"told apart with an AUC of {test.auc:.3f} (floor {floor:.3f}), {p_words(test.p_value)}"
    if alarm:
        reason += f"; most by {', '.join(most)}"
    details = {"features": most, "left_out": both.left_out}
    judged = Judged(Verdict.ALARM if alarm else Verdict.OK, reason, floor, test.p_value, details)
    return context.judged(SIGNAL, "domain_classifier_auc", test.auc, _seen(both), judged, SIGNAL)


def _seen(both: Matrices) -> Seen:
    return Seen(n=len(both.window), n_baseline=len(both.held_out))


@kept(64)
def _learnt_auc(store: Store, baseline: Baseline, settings: MultivariateSettings) -> float:
    """The floor that the baseline's own stretches of time teach."""
    reference = read_reference(store, baseline, settings.max_rows)
    both = matrices(reference, reference.learning)
    return usual_auc(both.held_out, stretches(reference.held_out.timestamp, LEAST_CHUNKS), settings.min_auc)


def _most(names: Sequence[str], sizes: Floats) -> list[str]:
    """The features with the largest sizes, no more than make nine tenths of all."""
    order = np.argsort(-sizes, kind="stable")
    total = float(sizes.sum())
    if total <= 0:
        return []
    enough = int(np.searchsorted(np.cumsum(sizes[order]) / total, 0.9)) + 1
    return [names[place] for place in order[: min(enough, SHOWN)]]


MULTIVARIATE: Final = Signal(
    SIGNAL,
    "a changed mix of features",
    kinds.DRIFT,
    run=multivariate,
    needs=(Need.BASELINE,),
    cost=Cost.SAMPLE,
    whole_only="it compares a bounded sample, which holds few rows of a slice; `data_drift` looks at its features",
)

"""The monitor of estimated performance: what the window's measures should be, before its labels come.

`feature` names the estimator: `cbpe`, `importance_weighted` or `dle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.track_record import track_record
from modelspan_analyzer.monitors.performance.business import cost_matrix, of_matrix
from modelspan_analyzer.monitors.signal import Need, Signal
from modelspan_analyzer.reading.cache import kept, kept_of_rows
from modelspan_analyzer.reading.outcomes import scores as read
from modelspan_analyzer.reading.outcomes.read import class_score_counts
from modelspan_analyzer.reading.outcomes.target import BINARY, MULTICLASS, Target, read_as
from modelspan_analyzer.reading.rows import Rows, unlabelled_rows
from modelspan_analyzer.reading.samples.matrix import Encoding, find_encoding, sample
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite
from modelspan_analyzer.statistics.estimation import cbpe, dle
from modelspan_analyzer.statistics.estimation.calibrate import Calibrator, fit_calibrator
from modelspan_analyzer.statistics.estimation.weighting import density_ratio, weighted_calibrator
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate
from modelspan_analyzer.statistics.performance.scores import unscaled
from modelspan_analyzer.verdicts.change import change, is_worse
from modelspan_collector.store.connect import Store

SIGNAL: Final = "estimation"
_ALARMS = ("roc_auc", "f1_macro", "mean_absolute_error")


def estimation(context: MonitorContext) -> list[Result]:
    """Estimates of every measure of the task; they need a baseline with labels."""
    settings = context.settings.estimation
    if not settings.enabled:
        return []
    if context.baseline is None:
        reason = f"estimates are learnt from a labelled baseline; {context.nothing_to_compare()}"
        return [context.result(SIGNAL, "estimate", None, Verdict.NOT_ENOUGH_DATA, reason=reason)]
    rows = read_as(unlabelled_rows(context.model, context.version, context.window), context.target)
    found = list(_estimate(context, rows, context.sources[1], context.target))
    if found:
        return _with_records(context, found)
    reason = "the baseline has too few labelled rows to learn estimates from, or the window no score to estimate by"
    return [context.result(SIGNAL, "estimate", None, Verdict.NOT_ENOUGH_DATA, reason=reason)]


def _estimate(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    if target.task == BINARY:
        yield from _binary(context, rows, reference, target)
    elif target.task == MULTICLASS:
        yield from _multiclass(context, rows, reference, target)
    else:
        yield from _regression(context, rows, reference)


def _with_records(context: MonitorContext, results: list[Result]) -> list[Result]:
    """The estimates with how good those of earlier windows were, where labels came since."""
    scope = context.store, SIGNAL, context.model, context.version, context.window.start
    records = {
        (estimator, one.metric): {"windows": one.windows, "error": one.error, "bias": one.bias, "held": one.held}
        for estimator in {result.feature for result in results}
        for one in track_record(*scope, estimator)
    }
    return [
        replace(one, details={**one.details, "track_record": records[one.feature, one.metric]})
        if (one.feature, one.metric) in records
        else one
        for one in results
    ]


def _binary(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    threshold = context.settings.performance.threshold
    learnt = _learnt(context.store, reference, target, threshold)
    if learnt is None:
        return
    scored = read.predicted_scores(context.store, rows, target, threshold=threshold)
    if fault := learnt.fault or unscaled(scored.score):
        yield context.result(SIGNAL, "cbpe", None, Verdict.ERROR, feature="cbpe", reason=fault)
        return
    assert learnt.calibrator is not None and learnt.base is not None
    expected, base = cbpe.expect(scored, learnt.calibrator, target.classes), learnt.base
    yield from _binary_results(context, "cbpe", expected, base)
    if context.settings.estimation.importance_weighted:
        weighted = _weighted_calibrator(context, rows, reference, target)
        yield from _binary_results(context, "importance_weighted", cbpe.expect(scored, weighted, target.classes), base)


class Learnt(NamedTuple):
    """What a baseline's scores and labels teach: how they are calibrated, and what is expected of it by that."""

    fault: str
    """Why nothing can be learnt from them; '' where it can."""
    calibrator: Calibrator | None = None
    base: cbpe.Expected | None = None


@kept_of_rows(64)
def _learnt(store: Store, reference: Rows, target: Target, threshold: float) -> Learnt | None:
    """None where no row has a score and a label."""
    before, known = read.known_scores(store, reference, target, threshold=threshold)
    if not known.effective:
        return None
    if fault := unscaled(known.score):
        return Learnt(fault)
    calibrator = fit_calibrator(known)
    return Learnt("", calibrator, cbpe.expect(before, calibrator, target.classes))


def _binary_results(
    context: MonitorContext, estimator: str, expected: cbpe.Expected, base: cbpe.Expected
) -> Iterator[Result]:
    for one in measures.BINARY:
        pair = one.estimate(expected.confusion), one.estimate(base.confusion)
        yield _result(context, estimator, one.name, *pair, one.higher_is_better, expected.confusion.effective)
    for score in measures.SCORES[:-1]:
        pair = score.estimate(expected.scores), score.estimate(base.scores)
        yield _result(context, estimator, score.name, *pair, score.higher_is_better, expected.scores.effective)
    yield from _business(context, estimator, expected.confusion, base.confusion)


def _business(context: MonitorContext, estimator: str, now: Confusion, base: Confusion) -> Iterator[Result]:
    cost = context.settings.performance.cost
    if cost:
        worth = cost_matrix(cost, now.classes)
        pair = of_matrix(now, worth).mean, of_matrix(base, worth).mean
        yield _result(context, estimator, "business_value", *pair, True, now.effective)


def _weighted_calibrator(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Calibrator:
    limit = context.settings.estimation.max_rows
    encoding = find_encoding(context.store, reference)
    before = sample(context.store, reference, encoding, limit, labelled=True)
    now = sample(context.store, rows, encoding, limit)
    usable = before.value == before.value
    ratio = density_ratio(before.features[usable], now.features, encoding.is_categorical)
    positive = (before.truth[usable] == target.positive).astype(float)
    return weighted_calibrator(before.value[usable], positive, ratio * before.weight[usable])


def _multiclass(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    known = class_score_counts(context.store, reference)
    if set(known) != set(target.classes):
        return
    if fault := next((fault for counts in known.values() if (fault := unscaled(counts.score))), ""):
        yield context.result(SIGNAL, "cbpe", None, Verdict.ERROR, feature="cbpe", reason=fault)
        return
    calibrators = {name: fit_calibrator(counts) for name, counts in known.items()}
    expected, scores = cbpe.expect_classes(
        read.predicted_classes(context.store, rows, target), calibrators, target.classes
    )
    base, base_scores = cbpe.expect_classes(
        read.predicted_classes(context.store, reference, target), calibrators, target.classes
    )
    for one in measures.MULTICLASS:
        pair = one.estimate(expected), one.estimate(base)
        yield _result(context, "cbpe", one.name, *pair, one.higher_is_better, expected.effective)
    auc, base_auc = (measures.roc_auc_macro(measures.roc_auc_by_class(one)) for one in (scores, base_scores))
    yield _result(context, "cbpe", "roc_auc_macro", auc, base_auc, True, expected.effective)
    yield from _business(context, "cbpe", expected, base)


def _regression(context: MonitorContext, rows: Rows, reference: Rows) -> Iterator[Result]:
    limit = context.settings.estimation.max_rows
    fitted = _loss_model(context.store, reference.sql, tuple(sorted(reference.parameters.items())), limit)
    if fitted is None:
        return
    encoding, model, base = fitted
    now = sample(context.store, rows, encoding, limit)
    usable = now.value == now.value
    if not usable.any():
        return
    for metric, estimate in dle.estimate_losses(model, now.features[usable], now.value[usable]).items():
        yield _result(context, "dle", metric, estimate, base[metric], False, float(usable.sum()))


@kept(16)
def _loss_model(
    store: Store, sql: str, parameters: tuple[tuple[str, object], ...], limit: int
) -> tuple[Encoding, dle.LossModel, dict[str, Estimate]] | None:
    """The loss model of a baseline, trained once; None where the baseline has too few labels."""
    rows = Rows(sql, dict(parameters))
    encoding = find_encoding(store, rows)
    before = sample(store, rows, encoding, limit, labelled=True)
    usable = (before.value == before.value) & (before.true_value == before.true_value)
    if usable.sum() < 100:
        return None
    features, prediction, actual = before.features[usable], before.value[usable], before.true_value[usable]
    model = dle.fit_losses(features, prediction, actual, encoding.is_categorical)
    return encoding, model, dle.estimate_losses(model, features, prediction)


def _result(
    context: MonitorContext, estimator: str, metric: str, now: Estimate, base: Estimate, higher: bool, rows: float
) -> Result:
    settings = context.settings.estimation
    seen = Seen(
        estimator,
        n=round(rows),
        lower=finite(now.lower),
        upper=finite(now.upper),
        direction="below" if higher else "above",
        details={"baseline": finite(base.value)},
    )
    value = finite(now.value)
    if value is None:
        return context.judged(SIGNAL, metric, None, seen, Judged(Verdict.SKIPPED, "undefined on these rows"))
    if rows < settings.min_rows:
        reason = f"{round(rows)} rows; {settings.min_rows} are needed"
        return context.judged(SIGNAL, metric, value, seen, Judged(Verdict.NOT_ENOUGH_DATA, reason))
    if finite(base.value) is None:
        reason = "undefined on the baseline, so there is nothing to compare it with"
        return context.judged(SIGNAL, metric, value, seen, Judged(Verdict.NOT_COMPARED, reason))
    moved = change(now, base, higher_is_better=higher)
    allowed = settings.min_change * abs(base.value) * (-1 if higher else 1)
    judged = Judged(Verdict.OK, "", base.value + allowed, finite(moved.p_value))
    confidence = context.settings.performance.confidence
    if metric in _ALARMS and is_worse(moved, base.value, min_change=settings.min_change, confidence=confidence):
        reason = f"{metric} is estimated at {value:.4g}, from {base.value:.4g}"
        judged = replace(judged, verdict=Verdict.ALARM, reason=reason)
    return context.judged(SIGNAL, metric, value, seen, judged)


ESTIMATION: Final = Signal(
    SIGNAL, "worse estimated {metric}", kinds.PREDICTION_DRIFT, run=estimation, needs=(Need.LABELLED_BASELINE,)
)

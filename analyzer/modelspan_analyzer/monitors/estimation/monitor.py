"""The monitor of estimated performance: what the window's measures should be, before its labels come.

`feature` names the estimator: `cbpe`, `importance_weighted` or `dle`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.track_record import SIGNAL, track_records
from modelspan_analyzer.monitors.performance.business import cost_matrix, of_matrix
from modelspan_analyzer.monitors.signal import Need, Signal
from modelspan_analyzer.reading.cache import kept, kept_of_rows
from modelspan_analyzer.reading.outcomes import scores as read
from modelspan_analyzer.reading.outcomes.read import class_score_counts
from modelspan_analyzer.reading.outcomes.target import BINARY, MULTICLASS, Target, read_as
from modelspan_analyzer.reading.rows import Rows, unlabelled_rows
from modelspan_analyzer.reading.samples.matrix import Encoding, find_encoding, sample
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite, unjudged
from modelspan_analyzer.statistics.estimation import calibrate, cbpe, dle
from modelspan_analyzer.statistics.estimation.calibrate import fit_calibrator
from modelspan_analyzer.statistics.estimation.weighting import density_ratio, weighted_counts
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import Estimate, ScoreCounts
from modelspan_analyzer.statistics.performance.scores import unscaled
from modelspan_analyzer.verdicts.change import change, is_worse, standard_error
from modelspan_analyzer.verdicts.labels_decide import labels_decide
from modelspan_collector.store.connect import Store

_HIGHER: Final = {one.name: one.higher_is_better for one in measures.BINARY} | {
    one.name: one.higher_is_better for one in cbpe.SCORES
}
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
        return _with_records(context, [_stepped_back(context, one) for one in found])
    reason = "the baseline has too few labelled rows to learn estimates from, or the window no score to estimate by"
    return [context.result(SIGNAL, "estimate", None, Verdict.NOT_ENOUGH_DATA, reason=reason)]


def _stepped_back(context: MonitorContext, one: Result) -> Result:
    """The estimate, which does not argue with the labels that are in; its distance from them goes into its record."""
    now, before = context.coverages
    least = context.settings.performance.min_rows
    if one.verdict is not Verdict.ALARM or not labels_decide(now.labelled, now.rows, before.labelled, least):
        return one
    reason = f"labels are in for {now.labelled} of {now.rows} predictions, which are judged instead; {one.reason}"
    return replace(one, verdict=Verdict.OK, reason=reason)


def _estimate(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    if target.task == BINARY:
        yield from _binary(context, rows, reference, target)
    elif target.task == MULTICLASS:
        yield from _multiclass(context, rows, reference, target)
    else:
        yield from _regression(context, rows, reference)


def _with_records(context: MonitorContext, results: list[Result]) -> list[Result]:
    """The estimates with how good those of earlier windows were, where labels came since."""
    known = track_records(context.store, context.window.start, context.model, context.version)
    records = {
        (one.estimator, one.metric): {"windows": one.windows, "error": one.error, "bias": one.bias, "held": one.held}
        for one in known
    }
    return [
        replace(one, details={**one.details, "track_record": records[one.feature, one.metric]})
        if (one.feature, one.metric) in records
        else one
        for one in results
    ]


def _binary(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    threshold = context.settings.performance.threshold
    learnt = _learnt(context.store, reference, target, threshold, _worth(context))
    if learnt is None:
        return
    scored = read.predicted_scores(context.store, rows, target, threshold=threshold)
    if fault := learnt.fault or unscaled(scored.score):
        yield context.result(SIGNAL, "cbpe", None, Verdict.ERROR, feature="cbpe", reason=fault)
        return
    assert learnt.calibration is not None
    yield from _binary_results(context, "cbpe", scored, learnt.calibration, learnt.base)
    if context.settings.estimation.importance_weighted:
        weighted = calibrate.learn(_weighted_counts(context, rows, reference, target))
        if weighted is not None:
            yield from _binary_results(context, "importance_weighted", scored, weighted, learnt.base)


class Learnt(NamedTuple):
    """What a baseline's scores and labels teach: how they are calibrated, and what is expected of it by that."""

    fault: str
    """Why nothing can be learnt from them; '' where it can."""
    calibration: calibrate.Calibration | None = None
    base: Mapping[str, Estimate] = MappingProxyType({})


@kept_of_rows(64)
def _learnt(store: Store, reference: Rows, target: Target, threshold: float, worth: Worth) -> Learnt | None:
    """None where too few rows have a score and a label."""
    before, known = read.known_scores(store, reference, target, threshold=threshold)
    if known.effective and (fault := unscaled(known.score)):
        return Learnt(fault)
    calibration = calibrate.learn(known)
    if calibration is None:
        return None
    return Learnt("", calibration, _spread(cbpe.expect(before, calibration.calibrator, target.classes), worth))


Worth = tuple[tuple[str, float], ...]
"""What a row is worth by truth and prediction, as pairs."""


def _spread(expected: cbpe.Expected, worth: Worth) -> dict[str, Estimate]:
    """Every measure with the interval that other rows of the same population would have."""
    found = {one.name: one.estimate(expected.confusion) for one in measures.BINARY}
    found |= {one.name: one.estimate(expected.scores) for one in cbpe.SCORES}
    if worth:
        matrix = cost_matrix(dict(worth), expected.confusion.classes)
        found["business_value"] = of_matrix(expected.confusion, matrix).mean
    return found


def _binary_results(
    context: MonitorContext,
    estimator: str,
    scored: cbpe.PredictedScores,
    calibration: calibrate.Calibration,
    base: Mapping[str, Estimate],
) -> Iterator[Result]:
    expected = cbpe.expect(scored, calibration.calibrator, context.target.classes)
    spread, small = _spread(expected, _worth(context)), cbpe.too_small(scored, calibration)
    shown, lacking = cbpe.estimate(scored, calibration, expected), cbpe.lacking(expected)
    for name, higher in _HIGHER.items():
        found = Estimated(name, shown[name], base[name], higher, spread[name], small or lacking[name])
        yield _result(context, estimator, found, scored.effective)
    if "business_value" in spread:
        found = Estimated("business_value", spread["business_value"], base["business_value"], higher=True, lacks=small)
        yield _result(context, estimator, found, scored.effective)


def _worth(context: MonitorContext) -> Worth:
    return tuple(sorted(context.settings.performance.cost.items()))


def _weighted_counts(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> ScoreCounts:
    limit = context.settings.estimation.max_rows
    encoding = find_encoding(context.store, reference)
    before = sample(context.store, reference, encoding, limit, labelled=True)
    now = sample(context.store, rows, encoding, limit)
    usable = before.value == before.value
    ratio = density_ratio(before.features[usable], now.features, encoding.is_categorical)
    positive = (before.truth[usable] == target.positive).astype(float)
    return weighted_counts(before.value[usable], positive, ratio * before.weight[usable])


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
        found = Estimated(one.name, one.estimate(expected), one.estimate(base), one.higher_is_better)
        yield _result(context, "cbpe", found, expected.effective)
    auc, base_auc = (measures.roc_auc_macro(measures.roc_auc_by_class(one)) for one in (scores, base_scores))
    yield _result(context, "cbpe", Estimated("roc_auc_macro", auc, base_auc, higher=True), expected.effective)
    if context.settings.performance.cost:
        worth = cost_matrix(context.settings.performance.cost, target.classes)
        now, before = (of_matrix(one, worth).mean for one in (expected, base))
        yield _result(context, "cbpe", Estimated("business_value", now, before, higher=True), expected.effective)


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
        yield _result(context, "dle", Estimated(metric, estimate, base[metric], higher=False), float(usable.sum()))


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


class Estimated(NamedTuple):
    """One measure, estimated."""

    metric: str
    now: Estimate
    """With the interval of what the window's labels may show."""
    base: Estimate
    higher: bool
    """Whether higher is better."""
    spread: Estimate | None = None
    """With the interval of what other windows of the same population would show; as `now` where None."""
    lacks: str = ""
    """What there is too little of to tell; '' where there is enough."""

    @property
    def surest(self) -> Estimate:
        """What a change is told by: the wider of the two intervals."""
        if self.spread is None or standard_error(self.now) >= standard_error(self.spread):
            return self.now
        return self.spread


def _result(context: MonitorContext, estimator: str, found: Estimated, rows: float) -> Result:
    settings, (metric, now, base, higher, _, lacks) = context.settings.estimation, found
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
    if lacks:
        return context.judged(SIGNAL, metric, value, seen, Judged(Verdict.NOT_ENOUGH_DATA, lacks))
    if finite(base.value) is None:
        reason = "undefined on the baseline, so there is nothing to compare it with"
        return context.judged(SIGNAL, metric, value, seen, Judged(Verdict.NOT_COMPARED, reason))
    moved = change(found.surest, base, higher_is_better=higher)
    allowed = settings.min_change * abs(base.value) * (-1 if higher else 1)
    judged = Judged(Verdict.OK, "", base.value + allowed, finite(moved.p_value))
    confidence = context.settings.performance.confidence
    if metric not in _ALARMS:
        judged = unjudged(f"from {base.value:.4g}; {' and '.join(sorted(_ALARMS))} are judged", finite(moved.p_value))
    elif is_worse(moved, base.value, min_change=settings.min_change, confidence=confidence):
        reason = f"{metric} is estimated at {value:.4g}, from {base.value:.4g}"
        judged = replace(judged, verdict=Verdict.ALARM, reason=reason)
    return context.judged(SIGNAL, metric, value, seen, judged)


ESTIMATION: Final = Signal(
    SIGNAL,
    "worse estimated {metric}",
    kinds.PREDICTION_DRIFT,
    run=estimation,
    needs=(Need.LABELLED_BASELINE,),
    yields_to_labels=True,
)

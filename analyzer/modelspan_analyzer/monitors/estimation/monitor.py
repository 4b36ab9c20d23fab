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
from modelspan_analyzer.monitors.estimation.alike import Alike, calibrated, scored_sample
from modelspan_analyzer.monitors.estimation.judge import Estimated, judge
from modelspan_analyzer.monitors.estimation.track_record import SIGNAL, track_records
from modelspan_analyzer.monitors.performance.business import cost_matrix, of_matrix
from modelspan_analyzer.monitors.signal import Need, Signal
from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.outcomes import scores as read
from modelspan_analyzer.reading.outcomes.target import BINARY, MULTICLASS, REGRESSION, Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import Encoding, find_encoding, sample
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.statistics.estimation import calibrate, cbpe, cbpe_classes, dle
from modelspan_analyzer.statistics.estimation.weighting import density_ratio, weighted_counts
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.statistics.performance.counts import NOTHING, Confusion, Estimate, ScoreCounts
from modelspan_analyzer.statistics.performance.scores import unscaled
from modelspan_collector.store.connect import Store

_HIGHER: Final = {one.name: one.higher_is_better for one in measures.BINARY} | {
    one.name: one.higher_is_better for one in cbpe.SCORES
}


def estimation(context: MonitorContext) -> list[Result]:
    """Estimates of every measure of the task; they need a baseline with labels."""
    settings = context.settings.estimation
    if not settings.enabled:
        return []
    if context.baseline is None:
        reason = f"estimates are learnt from a labelled baseline; {context.nothing_to_compare()}"
        return [context.result(SIGNAL, "estimate", None, Verdict.NOT_ENOUGH_DATA, reason=reason)]
    if context.no_rows:
        return context.skipped_without_rows(SIGNAL, "estimate")
    if context.target.apart:
        return [context.result(SIGNAL, "estimate", None, Verdict.ERROR, reason=context.target.apart)]
    return _with_records(context, estimates(context))


def estimates(context: MonitorContext) -> list[Result]:
    """Of the rows of a context, by what its baseline's rows teach; or why there are none."""
    found = list(_estimate(context, context.unlabelled, context.sources[1], context.target))
    return found or [context.result(SIGNAL, "estimate", None, Verdict.NOT_ENOUGH_DATA, reason=_nothing(context))]


def _nothing(context: MonitorContext) -> str:
    """Why there is no estimate."""
    now, before = context.coverages
    if not now.rows:
        return "no predictions"
    if before.labelled < calibrate.LEAST:
        labelled = f"{before.labelled} of its {before.rows} rows have labels"
        return f"estimates are learnt from a labelled baseline: {labelled}, and {calibrate.LEAST} are needed"
    what = "number" if context.target.task == REGRESSION else "score of their classes"
    return f"the predictions, or the baseline's labelled ones, carry no {what} to estimate by"


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
    alike = calibrated(context, reference, target, learnt.calibration)
    yield from _binary_results(context, "cbpe", scored, alike, learnt.base)
    if context.settings.estimation.importance_weighted:
        weighted = calibrate.learn(_weighted_counts(context, rows, reference, target))
        if weighted is not None:
            yield from _binary_results(context, "importance_weighted", scored, Alike(weighted), learnt.base)


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
    return found | _business(expected.confusion, worth)


def _binary_results(
    context: MonitorContext,
    estimator: str,
    scored: cbpe.PredictedScores,
    alike: Alike,
    base: Mapping[str, Estimate],
) -> Iterator[Result]:
    calibration, guess = alike
    expected = cbpe.expect(scored, calibration.calibrator, context.target.classes)
    spread, small = _spread(expected, _worth(context)), cbpe.too_small(scored, calibration)
    shown, lacking = cbpe.estimate(scored, calibration, expected), cbpe.lacking(expected)
    for name, higher in _HIGHER.items():
        found = Estimated(name, shown[name], base[name], higher, spread[name], small or lacking[name], guess=guess)
        yield judge(context, estimator, found, scored.effective)
    if "business_value" in spread:
        worth = NOTHING if small else spread["business_value"]
        found = Estimated("business_value", worth, base["business_value"], higher=True, lacks=small, guess=guess)
        yield judge(context, estimator, found, scored.effective)


def _worth(context: MonitorContext) -> Worth:
    return tuple(sorted(context.settings.performance.cost.items()))


def _weighted_counts(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> ScoreCounts:
    limit = context.settings.estimation.max_rows
    encoding = find_encoding(context.store, reference)
    before = scored_sample(context, reference, target, encoding, limit)
    now = sample(context.store, rows, encoding, limit)
    ratio = density_ratio(before.features, now.features, encoding.is_categorical)
    return weighted_counts(before.value, (before.truth == target.positive).astype(float), ratio * before.weight)


class LearntClasses(NamedTuple):
    """What a baseline's scores and labels teach of several classes."""

    fault: str
    """Why nothing can be learnt from them; '' where it can."""
    calibrations: Mapping[str, calibrate.Calibration] = MappingProxyType({})
    base: Mapping[str, Estimate] = MappingProxyType({})


@kept_of_rows(64)
def _learnt_classes(store: Store, reference: Rows, target: Target, worth: Worth) -> LearntClasses | None:
    """None where no row has scores and a label."""
    before, truth = read.known_classes(store, reference, target)
    if not (truth >= 0).any():
        return None
    if fault := unscaled(before.probability):
        return LearntClasses(fault)
    learnt = cbpe_classes.learn_classes(before.only(truth >= 0), truth[truth >= 0], target.classes)
    if len(learnt) < len(target.classes):
        lacking = ", ".join(name for name in target.classes if name not in learnt)
        return LearntClasses(f"the baseline has too few labelled rows to learn what scores are worth of {lacking}")
    calibrators = {name: one.calibrator for name, one in learnt.items()}
    expected = cbpe_classes.expect(before, calibrators, target.classes)
    return LearntClasses("", learnt, _spread_of_classes(expected, worth))


def _spread_of_classes(expected: cbpe_classes.Expected, worth: Worth) -> dict[str, Estimate]:
    """Every measure with the interval that other rows of the same population would have."""
    found = {one.name: one.estimate(expected.confusion) for one in measures.MULTICLASS}
    found["roc_auc_macro"] = measures.roc_auc_macro(measures.roc_auc_by_class(expected.scores))
    return found | _business(expected.confusion, worth)


def _business(confusion: Confusion, worth: Worth) -> dict[str, Estimate]:
    return {"business_value": of_matrix(confusion, cost_matrix(dict(worth), confusion.classes)).mean} if worth else {}


def _multiclass(context: MonitorContext, rows: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    learnt = _learnt_classes(context.store, reference, target, _worth(context))
    if learnt is None or not (scored := read.predicted_classes(context.store, rows, target)).predicted.size:
        return
    if learnt.fault:
        yield context.result(SIGNAL, "cbpe", None, Verdict.ERROR, feature="cbpe", reason=learnt.fault)
        return
    calibrators = {name: one.calibrator for name, one in learnt.calibrations.items()}
    expected = cbpe_classes.expect(scored, calibrators, target.classes)
    spread, small = _spread_of_classes(expected, _worth(context)), cbpe_classes.too_small(scored, learnt.calibrations)
    shown = (dict.fromkeys(spread, NOTHING) if small else spread) | cbpe_classes.estimate(
        scored, learnt.calibrations, expected
    )
    higher = {one.name: one.higher_is_better for one in measures.MULTICLASS}
    for name, one in shown.items():
        found = Estimated(name, one, learnt.base[name], higher.get(name, True), spread[name], small)
        yield judge(context, "cbpe", found, scored.effective)


def _regression(context: MonitorContext, rows: Rows, reference: Rows) -> Iterator[Result]:
    limit = context.settings.estimation.max_rows
    fitted = _loss_model(context.store, reference, limit)
    if fitted is None:
        return
    encoding, model = fitted
    now = sample(context.store, rows, encoding, limit)
    now = now.only(now.value == now.value).evened()
    if not len(now.ids):
        return
    found = dle.estimate_losses(model, now.features, now.value, encoding.names)
    for metric, one in found.measures.items():
        spread = found.spread.get(metric)
        told = Estimated(metric, one, model.base[metric], False, spread, found.lacks, found.beyond)
        yield judge(context, "dle", told, float(len(now.ids)))


@kept_of_rows(16)
def _loss_model(store: Store, rows: Rows, limit: int) -> tuple[Encoding, dle.LossModel] | None:
    """The loss model of a baseline, trained once; None where the baseline has too few labels."""
    encoding = find_encoding(store, rows)
    before = sample(store, rows, encoding, limit, labelled=True)
    known = before.only((before.value == before.value) & (before.true_value == before.true_value)).evened()
    if len(known.ids) < calibrate.LEAST:
        return None
    return encoding, dle.fit_losses(known.features, known.value, known.true_value, encoding.is_categorical)


ESTIMATION: Final = Signal(
    SIGNAL,
    "worse estimated {metric}",
    kinds.PREDICTION_DRIFT,
    run=estimation,
    needs=(Need.LABELLED_BASELINE,),
    plain_answers=True,
    yields_to_labels=True,
)

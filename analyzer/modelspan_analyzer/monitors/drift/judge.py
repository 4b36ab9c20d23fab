"""Drift of columns: every measure that is asked for, and one verdict a column by effect, evidence and persistence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from modelspan_analyzer.config.data_settings import DriftSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.compare import Pair, compare, exact_pairs, pairs
from modelspan_analyzer.monitors.drift.importance import importances
from modelspan_analyzer.monitors.drift.learnt_floors import learnt_floor
from modelspan_analyzer.monitors.drift.levels import levels
from modelspan_analyzer.monitors.drift.peer_rules import peer_rule
from modelspan_analyzer.monitors.drift.seasonal import Usual, seasonal, usual_now
from modelspan_analyzer.reading.profiles.answers import SHAPE
from modelspan_analyzer.reading.profiles.binning import Bins
from modelspan_analyzer.reading.profiles.measures import MEASURES, Compared, Measured, with_p_values
from modelspan_analyzer.reading.profiles.profile import Floats, Kind
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.results import Found, Judged, Result, Seen, Verdict, Window, unjudged
from modelspan_analyzer.verdicts.assess import assess_drift
from modelspan_analyzer.verdicts.p_value import p_words
from modelspan_analyzer.verdicts.presets import ThresholdRule
from modelspan_analyzer.verdicts.rule import DriftRule, FeatureCounts, FeatureVerdict
from modelspan_analyzer.verdicts.seasons import TREND

_EFFECT_RESULT = {"psi": "psi", "jensen_shannon": "jensen_shannon_distance"}

AT_ONCE = 2
"""Columns that are measured side by side ..."""
LARGE = 100_000
"""... where they have more values than that."""

_EARLIER = """
SELECT feature, groupArray(JSONExtractBool(details, 'breach')) AS breaches
FROM (
    SELECT feature, details FROM monitor_results FINAL
    WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String}
      AND metric = {metric:String} AND segment = {segment:String} AND window_end <= {start:DateTime64(9, 'UTC')}
    ORDER BY window_end DESC LIMIT {windows:UInt32} BY feature
)
GROUP BY feature
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """One column, measured."""

    counts: FeatureCounts
    bins: Bins
    measured: Mapping[str, Measured]
    rank_error: float
    peer: ThresholdRule | None
    """Another product's rule for it, where the preset asks for one."""
    usual: Usual | None = None
    """What is usual of it for the time, where it differs from the baseline."""
    from_baseline: float | None = None
    """Its effect against the baseline, where it is compared with what is usual instead."""


def drift(context: MonitorContext, signal: str, settings: DriftSettings, *, outputs: bool) -> list[Result]:
    """All measures of the features, or of the model's outputs, with one verdict a column."""
    if context.baseline is None:
        rows, reason = context.current.rows, context.learning
        return [context.result(signal, "drift", None, Verdict.NOT_ENOUGH_DATA, n=rows, reason=reason)]
    if context.current.rows == 0:
        reason = "no prediction in the window"
        return [context.result(signal, "drift", None, Verdict.NOT_ENOUGH_DATA, reason=reason)]
    found = judge_pairs(context, signal, settings, _pairs(context, settings, outputs), outputs=outputs)
    named = [] if outputs else list(_row_names(context, signal, settings))
    if found or named:
        return [*found, *named]
    lacking = "neither a value nor a label (scores by class are not compared)" if outputs else "no feature to compare"
    reason = f"the window's predictions have {lacking}"
    return [context.result(signal, "drift", None, Verdict.SKIPPED, n=context.current.rows, reason=reason)]


def _row_names(context: MonitorContext, signal: str, settings: DriftSettings) -> Iterator[Result]:
    """The features that are not looked at, as they name rows."""
    for name, why in context.row_names.items():
        if chosen(settings, name):
            reason = f"{why}, so no feature; `ids_as_features: [{name}]` in monitors.yaml takes it back"
            seen, judged = Seen(name, n=context.current.rows), Judged(Verdict.SKIPPED, reason)
            yield context.judged(signal, primary_measure(settings), None, seen, judged, signal)


def judge_pairs(
    context: MonitorContext,
    signal: str,
    settings: DriftSettings,
    found: Iterable[Pair],
    *,
    outputs: bool = False,
    segment: str = "",
) -> list[Result]:
    """All measures of pairs of columns; their verdicts are made together."""
    primary = primary_measure(settings)
    known = importances(context.store, context.with_rows) if context.with_rows and not outputs else {}
    earlier = _earlier_breaches(context, signal, primary, segment, settings.rule.persistence_windows - 1)
    results: list[Result] = []

    def comparable() -> Iterator[Pair]:
        for pair in found:
            if pair.reference.kind is not Kind.EMPTY and not pair.reference.uncounted:
                yield pair
                continue
            what = "category that was counted" if pair.reference.uncounted else "value"
            reason = f"{pair.name} has no {what} in the baseline to compare with"
            seen = Seen(pair.name, segment, pair.n, pair.n_baseline)
            results.append(context.judged(signal, primary, None, seen, Judged(Verdict.SKIPPED, reason), signal))

    def looked_at(pair: Pair) -> Looked:
        peer = _peer(context, settings, pair, outputs)
        return look(pair, settings, peer, known.get(pair.name), earlier.get(pair.name, []))

    looked = list(_side_by_side(looked_at, comparable()))
    if settings.rule.learn_floor and not segment:
        rule = settings.rule.rule(settings.min_rows)
        looked = [_with_floor(context, rule, one, outputs) for one in looked]
    if not segment:
        looked = _in_season(context, signal, settings, looked, outputs)
    return results + [context.found(signal, one, signal) for one in judge(looked, settings, segment)]


def judge(looked: Sequence[Looked], settings: DriftSettings, segment: str = "") -> Iterator[Found]:
    """All measures of columns that were looked at; their verdicts are made together."""
    verdicts = assess_drift([one.counts for one in looked], settings.rule.rule(settings.min_rows))
    measured = with_p_values([one.measured for one in looked])
    for one, verdict, values in zip(looked, verdicts, measured, strict=True):
        yield from _found(settings, replace(one, measured=values), verdict, segment)


def _in_season(
    context: MonitorContext, signal: str, settings: DriftSettings, looked: Sequence[Looked], outputs: bool
) -> list[Looked]:
    """The columns that differ from the baseline, or were seen to have a season, beside what is usual for the time."""
    baseline, rule = context.baseline, settings.rule
    by_rule = rule.enabled and rule.seasons and settings.preset == "modelspan"
    if not by_rule or baseline is None or not baseline.stored:
        return list(looked)
    verdicts = assess_drift([one.counts for one in looked], rule.rule(settings.min_rows))
    told = {verdict.feature: verdict for verdict in verdicts if verdict.q_value is not None}
    known = seasonal(context.store, context.model, signal)
    differ = known | {name for name, verdict in told.items() if (verdict.q_value or 0.0) <= rule.alpha}
    breach = {name for name, verdict in told.items() if verdict.breach}
    chosen = {
        one.counts.feature: levels(one.bins, one.counts, outputs=outputs, shape=one.counts.feature in breach)
        for one in looked
        if one.counts.feature in differ & told.keys()
    }
    primary = primary_measure(settings)
    found = usual_now(context, signal, primary, chosen, settings.min_rows, outputs=outputs) if chosen else {}
    found |= _apart(found, settings, {one.counts.feature: one for one in looked})
    again = []
    like: Counter[tuple[tuple[Window, ...], bool, int]] = Counter()
    for one in looked:
        usual = found.get(one.counts.feature)
        if usual is not None and usual.pair is not None:
            counts = one.counts
            (context.usual_outputs if outputs else context.usual)[counts.feature] = usual.pair.reference
            like[usual.like, usual.season.rhythm == TREND.name, usual.season.span] += 1
            other = look(usual.pair, settings, one.peer, counts.importance, counts.earlier_breaches)
            other = replace(other, counts=replace(other.counts, effect_floor=counts.effect_floor))
            known.add(counts.feature)
            one = replace(other, from_baseline=told[counts.feature].excess_effect)
        again.append(replace(one, usual=usual))
    if like and not context.like.windows:
        context.like.windows, context.like.is_trend, context.like.span = like.most_common(1)[0][0]
    return again


def _apart(found: Mapping[str, Usual], settings: DriftSettings, looked: Mapping[str, Looked]) -> dict[str, Usual]:
    """The columns that differ from the baseline over whole days too, which no rhythm explains: a fault may have been
    there from the start, or for so long that nothing else is left."""
    days = [
        replace(look(usual.days, settings).counts, effect_floor=looked[name].counts.effect_floor)
        for name, usual in found.items()
        if usual.pair is not None and usual.days is not None
    ]
    verdicts = assess_drift(days, settings.rule.rule(settings.min_rows)) if days else []
    apart = {one.feature: one.excess_effect or 0.0 for one in verdicts if one.breach}
    return {
        name: found[name].moving(excess) if found[name].season.steady else found[name].unexplained(excess)
        for name, excess in apart.items()
    }


def primary_measure(settings: DriftSettings) -> str:
    """The measure whose result carries the rule's verdict."""
    return _EFFECT_RESULT[settings.rule.measure]


def _with_floor(context: MonitorContext, rule: DriftRule, one: Looked, outputs: bool) -> Looked:
    floor = learnt_floor(context, rule, one.bins, one.counts, outputs=outputs)
    return replace(one, counts=replace(one.counts, effect_floor=floor))


def _side_by_side(look: Callable[[Pair], Looked], found: Iterator[Pair]) -> Iterator[Looked]:
    """Measure large columns a few at a time, as numpy works outside Python's lock; no more pairs are held than that."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while pairs := list(islice(found, AT_ONCE)):
            large = any(pair.current_support and pair.current_support.values.size > LARGE for pair in pairs)
            yield from (pool.map if large else map)(look, pairs)


def chosen(settings: DriftSettings, name: str) -> bool:
    """Whether a column is to be looked at."""
    return (settings.features is None or name in settings.features) and name not in settings.exclude


def _pairs(context: MonitorContext, settings: DriftSettings, outputs: bool) -> Iterator[Pair]:
    def wanted(name: str) -> bool:
        here = name not in context.row_names if not outputs else name != SHAPE or bool(context.target.shape)
        return chosen(settings, name) and here

    from_rows = settings.exact or (outputs and bool(context.target.shape))  # sketches are of one number or class
    baseline, reference = context.baseline, None if from_rows and not context.no_rows else context.reference
    if reference is not None:
        return pairs(context.store, reference, context.current, wanted, outputs=outputs)
    assert baseline is not None
    rows = baseline_relation(baseline)
    window = window_relation(context.model, context.version, context.window)
    return exact_pairs(context.store, rows, window, wanted, outputs=outputs)


def _peer(context: MonitorContext, settings: DriftSettings, pair: Pair, outputs: bool) -> ThresholdRule | None:
    if settings.preset == "modelspan" or context.baseline is None:
        return None
    return peer_rule(context.store, context.baseline, settings.preset, pair, outputs=outputs)


def look(
    pair: Pair,
    settings: DriftSettings,
    peer: ThresholdRule | None = None,
    importance: float | None = None,
    earlier: Sequence[bool] = (),
) -> Looked:
    """Measure one column by all that is asked for and fits it."""
    bins, compared = compare(pair)
    wanted = {*settings.measures, *settings.thresholds, primary_measure(settings)}
    counts = FeatureCounts(
        feature=pair.name,
        baseline=compared.reference_counts,
        current=compared.current_counts,
        ordered_bins=bins.edges.size + 1 if bins.kind is Kind.NUMERIC else 0,
        labels=bins.labels,
        importance=importance,
        earlier_breaches=earlier,
        rank_error=max(compared.errors),
        together=compared.together,
    )
    enough = min(pair.n, pair.n_baseline) >= settings.min_rows
    measured = _measure(compared, bins.kind, wanted, peer.measure if peer else "") if enough else {}
    return Looked(counts, bins, measured, max(compared.errors), peer)


def _measure(compared: Compared, kind: Kind, wanted: set[str], deciding: str) -> dict[str, Measured]:
    """What is wanted and fits the kind of column, and what decides in any case."""
    with np.errstate(over="ignore", invalid="ignore"):  # distances of values near the largest float overflow
        found = {
            measure.name: measure.compute(compared)
            for measure in MEASURES
            if measure.name == deciding or (measure.name in wanted and kind in measure.kinds)
        }
    return {name: measured for name, measured in found.items() if measured is not None and np.isfinite(measured.value)}


def _found(settings: DriftSettings, one: Looked, verdict: FeatureVerdict, segment: str) -> Iterator[Found]:
    primary, seen = primary_measure(settings), Seen(verdict.feature, segment, verdict.n, verdict.n_baseline)
    if verdict.verdict is Verdict.NOT_ENOUGH_DATA:
        yield Found(primary, None, seen, Judged(verdict.verdict, verdict.reason))
        return
    for name, measured in one.measured.items():
        judged, bounds = _by_threshold(settings, name, measured, one.peer), measured.bounds
        if bounds is not None:
            judged = replace(judged, details={"rank_error": one.rank_error})
        if name == primary and settings.rule.enabled and settings.preset == "modelspan":
            judged = _by_rule(settings, one, verdict, judged)
        of = replace(seen, lower=bounds.lower, upper=bounds.upper) if bounds else seen
        yield Found(name, measured.value, of, judged)


def _by_threshold(settings: DriftSettings, name: str, measured: Measured, peer: ThresholdRule | None) -> Judged:
    """The verdict by a fixed threshold, where one is given or preset; else none can be wrong."""
    threshold, chance = settings.thresholds.get(name), measured.p_value
    if threshold is not None:
        verdict = Verdict.ALARM if measured.value > threshold else Verdict.OK
        return Judged(verdict, f"fixed threshold {threshold:g}", threshold, chance)
    if peer is None and settings.preset == "nannyml" and name == "jensen_shannon_distance":
        reason = "the baseline has too few chunks to learn nannyml's threshold from"
        return Judged(Verdict.SKIPPED, reason, p_value=chance)
    if peer is None or name != peer.measure:
        return unjudged("no rule or threshold judges this measure: it is there to be read", chance)
    if peer.alarm == "above":
        reason = f"default rule of {settings.preset}: above {peer.threshold:.3g}"
        return Judged(peer.verdict(measured.value), reason, peer.threshold, chance)
    p_value = 1.0 if chance is None else chance
    reason = f"default rule of {settings.preset}: {p_words(p_value, 'p-value')} beside the level {peer.threshold:g}"
    return Judged(peer.verdict(p_value), reason, p_value=chance)


def _by_rule(settings: DriftSettings, one: Looked, verdict: FeatureVerdict, judged: Judged) -> Judged:
    """The rule's verdict, unless a fixed threshold already alarms."""
    details = {
        **judged.details,
        "q_value": verdict.q_value,
        "excess_effect": verdict.excess_effect,
        "breach": verdict.breach,
        "priority": verdict.priority,
        "importance": one.counts.importance,
        "bins": one.bins.labels,
        "baseline": _shares(np.asarray(one.counts.baseline)),
        "window": _shares(np.asarray(one.counts.current)),
    }
    if one.usual is not None:
        season = one.usual.season
        details |= {"season": season.rhythm, "season_stage": season.stage, "season_windows": len(season.back)}
        details |= {"from_baseline": one.from_baseline}
    if judged.verdict is Verdict.ALARM:
        return replace(judged, details=details)
    found, reason = _in_words(settings, one, verdict)
    return Judged(
        found,
        reason,
        threshold=settings.rule.effect_floor if one.counts.effect_floor is None else one.counts.effect_floor,
        p_value=verdict.p_value,
        details=details,
    )


def _in_words(settings: DriftSettings, one: Looked, verdict: FeatureVerdict) -> tuple[Verdict, str]:
    """The rule's verdict and reason, with what is usual; a steady trend away from the baseline is worth a warning."""
    usual, far = one.usual, one.from_baseline or 0.0
    if usual is None or not (usual.words and (usual.pair or verdict.verdict is Verdict.ALARM)):
        return verdict.verdict, verdict.reason
    warns = verdict.verdict is Verdict.OK and usual.moves and far >= settings.rule.effect_floor
    reason = f"{verdict.reason}; {usual.words}"
    if usual.pair is not None:
        reason += f" ({far:.3g} beyond chance from the baseline)"
    return Verdict.WARNING if warns else verdict.verdict, reason


def _shares(counts: Floats) -> list[float]:
    total = counts.sum()
    return [round(float(share), 6) for share in (counts / total if total else counts)]


def _earlier_breaches(
    context: MonitorContext, signal: str, metric: str, segment: str, windows: int
) -> dict[str, list[bool]]:
    """Whether the windows before this one breached, by feature, the oldest first."""
    if windows < 1:
        return {}
    scope = {"model": context.model, "version": context.version, "signal": signal, "metric": metric, "segment": segment}
    rows = context.store.rows(_EARLIER, {**scope, "start": context.window.start, "windows": windows})
    return {row["feature"]: [bool(breach) for breach in reversed(row["breaches"])] for row in rows}

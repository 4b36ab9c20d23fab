"""Compares two versions over the time in which both answered: on the same requests where they share any.

Predictions that answer the same request (see `matching`) are compared pair by pair (as McNemar does for classes; by the
difference of absolute errors for numbers): what they share cancels out, so that a small difference shows with few rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.comparison.period import Period, period, refusal
from modelspan_analyzer.comparison.reasons import ReasonsCompared, compare_reasons
from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.monitors.performance.evaluate import evaluate
from modelspan_analyzer.reading.baselines import active
from modelspan_analyzer.reading.matching import Matched, match
from modelspan_analyzer.reading.outcomes.losses import loss_of
from modelspan_analyzer.reading.outcomes.read import PREDICTED, coverage
from modelspan_analyzer.reading.outcomes.seen import Seen, look
from modelspan_analyzer.reading.outcomes.spelling import shown
from modelspan_analyzer.reading.outcomes.target import Target, read_as, target_of
from modelspan_analyzer.reading.rows import Rows, baseline_rows, window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.statistics.performance.intervals import normal
from modelspan_analyzer.verdicts.change import change
from modelspan_collector.store.connect import Store

MIN_PAIRS = 100

_PAIRED = """
SELECT count() AS n, avg({loss_b}) AS champion, avg({loss_a}) AS challenger,
       avg({loss_a} - {loss_b}) AS difference, stddevSamp({loss_a} - {loss_b}) AS spread
FROM (SELECT *, {predicted} AS answer FROM ({challenger})) AS a
INNER JOIN (SELECT *, {predicted} AS answer FROM ({champion})) AS b ON a.shared = b.shared
WHERE a.shared != '' AND {known}
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of both versions."""

    metric: str
    champion: Estimate
    challenger: Estimate
    p_value: float
    """One-sided: chance of the challenger looking this much better where it is not."""
    higher_is_better: bool
    champion_rows: int
    """Labelled ones that were measured."""
    challenger_rows: int
    left_out: tuple[str, ...] = ()
    """Classes over which it is no mean here, as one of the versions has no rows of them."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Mean loss on the requests that both answered; error rate for classes, absolute error for numbers."""

    rows: int
    champion: float
    challenger: float
    difference: Estimate
    """Challenger less champion, with its interval: below 0 the challenger is better."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What there is to decide on."""

    measures: tuple[Compared, ...]
    paired: Paired | None
    recommendation: str
    reasons: ReasonsCompared | None
    """None where a version has no attributions."""
    matched: Matched
    period: Period
    left_out: str = ""
    """Which labels are no class of the model, and how many of each version; '' where none are."""
    taken: str = ""
    """What answers are taken for, where that was derived or is doubted; '' where nothing is to be said of it."""


def compare(
    store: Store, model: str, champion: str, challenger: str, window: Window, settings: PerformanceSettings
) -> Comparison:
    """Compare two versions over a window.

    Args:
        store: the store.
        model: the model's name.
        champion: the version in use.
        challenger: the version that might replace it.
        window: where to look; the part of it in which both versions answered is compared.
        settings: task, positive class, threshold and confidence.

    Raises:
        LookupError: a version has no labelled predictions in the window, or the two share neither a time nor requests.
    """
    compared = period(store, model, champion, challenger, window)
    rows = [
        window_rows(model, version, compared.window, name=name)
        for version, name in ((champion, "champion_"), (challenger, "challenger_"))
    ]
    matched, *rows = match(store, *rows)
    if not compared.together and matched.rows < MIN_PAIRS:
        raise LookupError(refusal(store, model, champion, challenger, window))
    seen = [look(store, one) for one in rows]
    known = _known(store, model, champion, challenger)
    target = target_of(store, model, [*seen, *known], settings.positive_class, len(rows), task=settings.task)
    if target.apart:
        raise LookupError(target.apart)
    rows = [read_as(one, target) for one in rows]
    left_out = _left_out(store, target, rows, seen)
    found = [{m.metric: m for m in evaluate(store, one, target, settings).get("", [])} for one in rows]
    for version, measured in zip((champion, challenger), found, strict=True):
        if not measured:
            raise LookupError(f"{model} {version} has no labelled predictions from {compared}; {matched}")
    measures = []
    for name in found[0].keys() & found[1].keys():
        before, after = found[0][name], found[1][name]
        both, higher = after.beside(before, ("challenger", "champion")), before.higher_is_better
        moved = change(both.before, both.now, higher_is_better=higher)
        values = both.before, both.now, moved.p_value
        measures.append(Compared(name, *values, higher, before.rows, after.rows, both.left_out))
    measures.sort(key=lambda one: list(found[0]).index(one.metric))
    paired = _paired(store, rows[0], rows[1], target, settings)
    reasons = compare_reasons(store, model, *rows)
    if paired is None and not compared.together:
        raise LookupError(f"{refusal(store, model, champion, challenger, window)}; {matched}, too few with labels")
    said = _recommend(measures, paired, settings, compared)
    return Comparison(tuple(measures), paired, said, reasons, matched, compared, left_out, target.taken)


def _known(store: Store, model: str, *versions: str) -> list[Seen]:
    """What the first of the versions' baselines that has labels says of the classes; empty where none has any."""
    for version in versions:
        baseline = active(store, model, version)
        if baseline and baseline.has_rows and (seen := look(store, baseline_rows(baseline))).labelled:
            return [seen]
    return []


def _left_out(store: Store, target: Target, rows: Sequence[Rows], seen: Sequence[Seen]) -> str:
    """What of the labels of champion and challenger is no class of the model."""
    if not target.strange:
        return ""
    champion, challenger = (
        before.labelled - coverage(store, one).labelled for one, before in zip(rows, seen, strict=True)
    )
    return (
        f"labels of {shown(target.strange)}, no class of the model, are left out: {champion:,} of the champion, "
        f"{challenger:,} of the challenger"
    )


def _paired(
    store: Store, champion: Rows, challenger: Rows, target: Target, settings: PerformanceSettings
) -> Paired | None:
    """Losses on the requests that both answered; None with fewer than 100 that are labelled."""
    loss = loss_of(target)
    sql = _PAIRED.format(
        champion=champion.sql,
        challenger=challenger.sql,
        predicted=PREDICTED,
        known=f"{loss.known('a', 'b')} AND {loss.known('b', 'b')}",
        loss_a=loss.of("a", "b"),
        loss_b=loss.of("b", "b"),
    )
    names = {"positive": target.positive, "negative": target.negative, "threshold": settings.threshold}
    row = store.rows(sql, {**champion.parameters, **challenger.parameters, **names})[0]
    n = int(row["n"])
    if n < MIN_PAIRS:
        return None
    error = float(row["spread"]) / float(np.sqrt(n))
    return Paired(n, row["champion"], row["challenger"], normal(row["difference"], error))


def _recommend(measures: list[Compared], paired: Paired | None, settings: PerformanceSettings, compared: Period) -> str:
    """One sentence: promote, keep, or wait."""
    promote = "Look at what was wrong then before you promote" if compared.incidents else "Promote"
    if paired is not None:
        told = f"on {paired.rows} shared requests its loss is {paired.challenger:.4g} against {paired.champion:.4g}"
        if paired.difference.upper < 0:
            return f"{promote} the challenger: {told}, and the difference is sure."
        if paired.difference.lower > 0:
            return f"Keep the champion: the challenger is worse; {told}."
        return f"Wait for more labels: {told}, which may be chance."
    judged = [one for one in measures if one.metric in settings.alarm_on] or measures[:1]
    least = min(min(one.champion_rows, one.challenger_rows) for one in judged)
    if least < settings.min_rows:
        return f"Wait for more labels: {least} labelled rows of one version; {settings.min_rows} of each are needed."
    sure = 1 - settings.confidence
    better = [one for one in judged if one.p_value < sure]
    worse = [one for one in judged if one.p_value > 1 - sure]
    if better and not worse:
        return f"{promote} the challenger: its {better[0].metric} is {_pair(better[0])}, and the difference is sure."
    if worse:
        return f"Keep the champion: the challenger's {worse[0].metric} is {_pair(worse[0])}."
    return f"Wait for more labels: {judged[0].metric} is {_pair(judged[0])}, which may be chance."


def _pair(one: Compared) -> str:
    return f"{one.challenger.value:.4g} against {one.champion.value:.4g}"

"""Finds the slices in which a model does worst: by its answers and estimated errors, and by losses and missing labels.

Findings are hints (warnings), never alarms of their own. A slice counts that has enough rows on both sides, is off by
at least a fifth of the usual standard deviation, and further than chance explains (Welch's test, Benjamini and Hochberg
over all slices and numbers that were tried).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.config.data_settings import WorstSlicesSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.prediction_drift import PREDICTION_DRIFT
from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.monitors.worst_slices.search import (
    Number,
    Tried,
    against,
    against_rest,
    kept_slice_keys,
    kept_sums,
    slice_keys,
    sums,
)
from modelspan_analyzer.reading.baselines import KIND_ROWS
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.outcomes.read import PREDICTED, SCORE, score_counts
from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, read_as
from modelspan_analyzer.reading.rows import Rows, baseline_rows, unlabelled_rows
from modelspan_analyzer.reading.segments import parse, spelt
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.statistics.estimation.calibrate import fit_calibrator
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values
from modelspan_analyzer.statistics.performance.scores import unscaled
from modelspan_collector.store.connect import Store

MONITOR = "worst_slices"
SHOWN = 5
GRID = 1_000
"""Steps of the score at which its calibrated probability is looked up."""

_USUAL = "SELECT toString(topK(1)(label)[1]) FROM (SELECT label FROM ({rows}) LIMIT 200000)"
_EXPECTED = f"{{probabilities:Array(Float64)}}[toUInt32(round(least(greatest({SCORE}, 0), 1) * {GRID})) + 1]"


@dataclass(frozen=True, slots=True)
class Search:
    """One number that slices were searched by, and what came of it."""

    metric: str
    what: str
    """What the number is the mean of, in words."""
    tried: Sequence[Tried]
    worse_only: bool = True
    """Only a rise counts; else a move either way."""
    rest: bool = False
    """Slices were compared with all other rows of the window, and not with the baseline."""


def worst_slices(context: MonitorContext) -> list[Result]:
    """What needs no labels of the window: slices whose mean answer moved, and whose expected error rose."""
    settings, baseline = context.settings.worst_slices, context.baseline
    signal, metric = PREDICTION_DRIFT.name, "worst_slice"
    if not settings.enabled:
        return []
    if context.no_rows:
        return context.skipped_without_rows(signal, metric, monitor=MONITOR)
    if lacking := _lacking(context, settings):
        return [_not_searched(context, signal, metric, context.current.rows, lacking)]
    assert baseline is not None
    before = read_as(baseline_rows(baseline, labelled=context.labelled), context.target)
    after = read_as(unlabelled_rows(context.model, context.version, context.window), context.target)
    keys = (kept_slice_keys if baseline.stored else slice_keys)(context.store, before)
    usual = (_kept_usual if baseline.stored else _usual)(context.store, before)
    answer = Number("toFloat64(ifNull(value, label = {usual:String}))", parameters={"usual": usual})
    searches = [Search(metric, "answer", _against(context, before, after, answer, keys), worse_only=False)]
    expected = _expected_error(context, before)
    if expected is not None:
        tried = _against(context, before, after, expected, keys)
        searches.append(Search("worst_slice_by_estimate", "expected error", tried))
    return list(_found(context, signal, searches, keys))


def worst_slices_by_outcome(context: MonitorContext) -> list[Result]:
    """What labels tell: slices whose loss rose against the baseline, and whose labels are missing more than others'."""
    settings, least = context.settings.worst_slices, context.settings.performance.min_rows
    signal, metric = PERFORMANCE.name, "worst_slice_by_loss"
    if not settings.enabled:
        return []
    current, *references = context.sources
    seen = context.coverages[0]
    if seen.labelled < least:
        reason = f"{seen.labelled} labelled rows; {least} are needed"
        return [_not_searched(context, signal, metric, seen.labelled, reason)]
    keys = slice_keys(context.store, current)
    sizes = {"depth": settings.depth, "least": settings.min_rows}
    loss = _loss(context)
    tried = _against(context, references[0], current, loss, keys) if references else []
    if tried:
        searches = [Search(metric, "loss", tried)]
    else:  # the baseline knows no such slices, so that each is compared with all others
        searches = [Search(metric, "loss", against_rest(context.store, current, loss, keys, **sizes), rest=True)]
    by_missing = "worst_slice_by_missing_labels"
    if seen.labelled == seen.rows:
        judged = Judged(Verdict.OK, "every row has its label", settings.min_effect)
        whole = context.judged(signal, by_missing, 0.0, Seen(n=seen.rows), judged, MONITOR)
        return [*_found(context, signal, searches, keys), whole]
    tried = against_rest(context.store, current, Number("toFloat64(truth = '')"), keys, **sizes)
    searches.append(Search(by_missing, "share of missing labels", tried, rest=True))
    return list(_found(context, signal, searches, keys))


def _against(context: MonitorContext, before: Rows, after: Rows, number: Number, keys: tuple[str, ...]) -> list[Tried]:
    """Each slice beside the baseline's, whose side is read once where labels do not change it."""
    settings, baseline = context.settings.worst_slices, context.baseline
    lasting = baseline is not None and (baseline.kind == KIND_ROWS or (baseline.stored and not number.labelled))
    sizes = {"depth": settings.depth, "least": settings.min_rows}
    usual = (kept_sums if lasting or before.stamp else sums)(context.store, before, number, keys, **sizes)
    return against(usual, sums(context.store, after, number, keys, **sizes))


def _usual(store: Store, rows: Rows) -> str:
    """The most frequent class of some rows."""
    return str(store.scalar(_USUAL.format(rows=rows.sql), rows.parameters))


_kept_usual = kept(64)(_usual)


def _lacking(context: MonitorContext, settings: WorstSlicesSettings) -> str:
    if context.baseline is None:
        return context.nothing_to_compare()
    rows = context.current.rows
    return f"{rows} rows; {settings.min_rows} are needed" if rows < settings.min_rows else ""


def _classes(context: MonitorContext) -> Mapping[str, object]:
    target, threshold = context.target, context.settings.performance.threshold
    return {"positive": target.positive, "negative": target.negative, "threshold": threshold}


def _loss(context: MonitorContext) -> Number:
    if context.target.task == REGRESSION:
        known = "isNotNull(value) AND isNotNull(true_value)"
        return Number("abs(assumeNotNull(value) - assumeNotNull(true_value))", known, labelled=True)
    both = f"truth != '' AND {PREDICTED} != ''"
    return Number(f"toFloat64({PREDICTED} != truth)", both, _classes(context), labelled=True)


def _expected_error(context: MonitorContext, before: Rows) -> Number | None:
    """The chance that an answer is wrong, by its calibrated score; None where scores tell no probability."""
    if context.target.task != BINARY:
        return None
    known = score_counts(context.store, before, context.target).get("")
    if known is None or known.effective < context.settings.estimation.min_rows or unscaled(known.score):
        return None
    grid = fit_calibrator(known)(np.linspace(0, 1, GRID + 1))
    wrong = f"if({PREDICTED} = {{positive:String}}, 1 - {_EXPECTED}, {_EXPECTED})"
    parameters = {**_classes(context), "probabilities": [float(one) for one in grid]}
    return Number(wrong, f"isFinite({SCORE})", parameters)


def _found(context: MonitorContext, signal: str, searches: Sequence[Search], keys: Sequence[str]) -> Iterator[Result]:
    """The worst slices of each search; where a search finds none, that it does and in how many."""
    settings = context.settings.worst_slices
    every = [one for search in searches for one in search.tried]
    adjusted: Iterator[float] = iter(adjusted_p_values([one.p_value for one in every]) if every else [])
    for search in searches:
        judged = [(one, float(next(adjusted))) for one in search.tried]
        worse = [
            (one, q)
            for one, q in judged
            if q <= settings.alpha
            and abs(one.effect) >= settings.min_effect
            and (one.effect > 0 or not search.worse_only)
        ]
        worse = [(one, q) for one, q in worse if not _explained(one, {two.name: two for two, _ in worse})]
        worse.sort(key=lambda pair: (-pair[0].sure_effect, len(parse(pair[0].name)), pair[0].name))
        for one, q in worse[:SHOWN]:
            yield _result(context, signal, search, one, q, len(every))
        yield _summary(context, signal, search, keys, len(every), len(worse))


def _explained(one: Tried, found: Mapping[str, Tried]) -> bool:
    """Whether a pair is not surely worse than one of its parts: then it is that part, seen through fewer rows."""
    parts = [spelt(*part) for part in parse(one.name)]
    return len(parts) > 1 and any(name in found and one.sure_effect <= abs(found[name].effect) for name in parts)


def _result(context: MonitorContext, signal: str, search: Search, one: Tried, q: float, tried: int) -> Result:
    reason = (
        f"where {one.name}, the mean {search.what} is {one.now.mean:.4g} against {one.usual.mean:.4g} "
        f"{'elsewhere in the window' if search.rest else 'in the baseline'} "
        f"({one.effect:+.2f} deviations; {tried} slices were tried)"
    )
    return context.result(
        signal,
        search.metric,
        float(np.round(one.effect, 9)),
        Verdict.WARNING,
        segment=one.name,
        p_value=q,
        n=one.now.n,
        n_baseline=one.usual.n,
        threshold=context.settings.worst_slices.min_effect,
        monitor=MONITOR,
        reason=reason,
        details={"tried": tried},
    )


def _summary(
    context: MonitorContext, signal: str, search: Search, keys: Sequence[str], tried: int, worse: int
) -> Result:
    """How many slices stand out, of how many that were tried; or why none could be searched."""
    settings = context.settings.worst_slices
    if not search.tried:
        why = (
            f"no slice of {', '.join(keys)} has {settings.min_rows} rows on both sides"
            if keys
            else "no tag and no categorical feature has 2 to 20 values"
        )
        return _not_searched(context, signal, search.metric, 0, why)
    most = max(search.tried, key=lambda one: one.effect if search.worse_only else abs(one.effect))
    said = f"{worse or 'none'} of {tried} slices stand out by their mean {search.what}; the most does {most.name}"
    return context.result(
        signal,
        search.metric,
        float(np.round(most.effect, 9)),
        Verdict.WARNING if worse else Verdict.OK,
        n=_rows(search),
        n_baseline=most.usual.n,
        threshold=settings.min_effect,
        monitor=MONITOR,
        reason=said,
        details={"tried": tried, "found": worse},
    )


def _rows(search: Search) -> int:
    """Rows that were searched: those in the slices of one attribute, of which each row is in one, of the widest."""
    rows: Counter[str] = Counter()
    for one in search.tried:
        if len(pairs := parse(one.name)) == 1:
            rows[pairs[0][0]] += one.now.n
    return max(rows.values(), default=0)


def _not_searched(context: MonitorContext, signal: str, metric: str, n: int, reason: str) -> Result:
    return context.result(signal, metric, None, Verdict.NOT_ENOUGH_DATA, n=n, reason=reason, monitor=MONITOR)

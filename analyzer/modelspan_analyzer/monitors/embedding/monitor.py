"""The monitor of vector-valued features: embeddings of text, images, sound, or any list of numbers.

The maximum mean discrepancy carries the verdict, and the domain classifier one of its own; the distances of centroids
are there to read. Vectors that are missing, or of another width (another encoder), are rates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.embedding.measure import Comparison, compare_vectors, tell_apart, usual_discrepancy
from modelspan_analyzer.monitors.multivariate.normal import stretches
from modelspan_analyzer.monitors.signal import Cost, Metric, Need, Signal
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.samples.thinned import thinned
from modelspan_analyzer.reading.samples.vectors import Vectors, read_vectors, vector_names
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, unjudged
from modelspan_analyzer.verdicts.p_value import p_words
from modelspan_analyzer.verdicts.rates import Rate, judge

SIGNAL: Final = "embedding"
MIN_CHANGE = 0.02
"""Smallest rise of the share of missing or misfit vectors that alarms."""


def embedding(context: MonitorContext) -> list[Result]:
    """All measures of every vector-valued feature; nothing for a model without any."""
    settings, baseline = context.settings.embedding, context.baseline
    if baseline is None or context.no_rows:
        verdict = Verdict.SKIPPED if context.no_rows else Verdict.NOT_ENOUGH_DATA
        window = thinned(context.store, window_relation(context.model, context.version, context.window), 1)
        reason = context.nothing_to_compare()
        return [
            context.result(SIGNAL, "mmd", None, verdict, feature=name, reason=reason, monitor=SIGNAL)
            for name in sorted(vector_names(context.store, window))
        ]
    relations = (
        baseline_relation(baseline),
        window_relation(context.model, context.version, context.window),
    )
    reference = thinned(context.store, relations[0], settings.max_rows)
    window = thinned(context.store, relations[1], settings.max_rows, context.current.rows)
    known = vector_names(context.store, reference)
    results: list[Result] = []
    for name in sorted(known | vector_names(context.store, window)):
        before = read_vectors(context.store, reference, name, settings.max_rows)
        width = before.values.shape[1] or None
        now = read_vectors(context.store, window, name, settings.max_rows, width)
        results += _feature(context, name, before, now, len(known))
    return results


def _feature(context: MonitorContext, name: str, before: Vectors, now: Vectors, number: int) -> Iterator[Result]:
    settings = context.settings.embedding
    n, n_baseline = len(now.values), len(before.values)
    seen = Seen(name, n=n, n_baseline=n_baseline)
    if n_baseline == 0:
        reason = f"{name} has no vector in the baseline to compare with"
        yield context.judged(SIGNAL, "mmd", None, seen, Judged(Verdict.SKIPPED, reason), SIGNAL)
        return
    if now.rows >= settings.min_rows:
        yield from _rates(context, name, before, now)
    if min(n, n_baseline) < settings.min_rows:
        reason = f"{n} vectors against {n_baseline} of the baseline; both need {settings.min_rows}"
        yield context.judged(SIGNAL, "mmd", None, seen, Judged(Verdict.NOT_ENOUGH_DATA, reason), SIGNAL)
        return
    yield from _distances(context, before, now, settings.alpha / max(1, number) / 2.0, seen)


def _rates(context: MonitorContext, name: str, before: Vectors, now: Vectors) -> Iterator[Result]:
    width = before.values.shape[1]
    rates = [
        Rate("null_rate", name, now.missing, now.rows, before.missing, before.rows, "have no vector"),
        Rate(
            "other_width_rate",
            name,
            now.other_width,
            now.rows,
            before.other_width,
            before.rows,
            f"have a vector that is not {width} wide",
        ),
    ]
    for judged in judge(rates, alpha=context.settings.embedding.alpha, min_change=MIN_CHANGE):
        yield context.rate_result(SIGNAL, judged)


def _distances(context: MonitorContext, before: Vectors, now: Vectors, alpha: float, seen: Seen) -> Iterator[Result]:
    found = compare_vectors(before.values, now.values)
    yield _discrepancy(context, before, found, alpha, seen)
    read = unjudged("there to be read: `mmd` is judged")
    moved = replace(seen, details={"spread": found.spread, "moved": found.moved})
    yield context.judged(SIGNAL, "centroid_distance", found.centroid, moved, read, SIGNAL)
    yield context.judged(SIGNAL, "centroid_cosine_distance", found.cosine, seen, read, SIGNAL)
    if context.settings.embedding.classifier:
        yield _classifier(context, before, now, alpha, seen)


def _discrepancy(context: MonitorContext, before: Vectors, found: Comparison, alpha: float, seen: Seen) -> Result:
    test, floor = found.discrepancy, context.settings.embedding.min_mmd
    excess = test.statistic - test.chance
    if excess >= floor and test.p_value <= alpha:
        floor = usual_discrepancy(before.values, stretches(before.stamps), floor)
    alarm = excess >= floor and test.p_value <= alpha
    reason = f"squared discrepancy {excess:.3g} beyond chance (floor {floor:.3g}), {p_words(test.p_value)}"
    if alarm:
        reason = f"the vectors drifted: {reason}; their centre moved by {found.moved:.2g} of the baseline's spread"
    details = {"excess": excess, "floor": floor}
    judged = Judged(Verdict.ALARM if alarm else Verdict.OK, reason, floor + test.chance, test.p_value, details)
    return context.judged(SIGNAL, "mmd", test.statistic, seen, judged, SIGNAL)


def _classifier(context: MonitorContext, before: Vectors, now: Vectors, alpha: float, seen: Seen) -> Result:
    floor, apart = context.settings.embedding.min_auc, tell_apart(before.values, now.values)
    verdict = Verdict.ALARM if apart.auc >= floor and apart.p_value <= alpha else Verdict.OK
    reason = f"window and baseline are told apart with an AUC of {apart.auc:.3f}, {p_words(apart.p_value)}"
    judged = Judged(verdict, reason, floor, apart.p_value)
    return context.judged(SIGNAL, "domain_classifier_auc", apart.auc, seen, judged, SIGNAL)


EMBEDDING: Final = Signal(
    SIGNAL,
    "drift of embeddings",
    kinds.DRIFT,
    run=embedding,
    needs=(Need.BASELINE,),
    cost=Cost.SAMPLE,
    whole_only="it compares a bounded sample, which holds few rows of a slice",
    metrics={
        "null_rate": Metric("missing values", kinds.MISSING),
        "other_width_rate": Metric("vectors of another width", kinds.DRIFT),
    },
)

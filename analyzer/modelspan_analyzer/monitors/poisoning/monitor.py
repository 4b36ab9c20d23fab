"""The monitor of hints of poisoning and probing: outlying rows, bursts of near duplicates, flipped labels.

Each is a share of rows beside the baseline's own, judged together by how far they rose and how improbable that is. They
are hints, so a finding is a warning unless `verdict: alarm` is set, and it names predictions to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.poisoning.bursts import repeats
from modelspan_analyzer.monitors.poisoning.flips import find_flips, read_labelled
from modelspan_analyzer.monitors.poisoning.outliers import outlying_rows
from modelspan_analyzer.monitors.signal import Cost, Metric, Need, Signal
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.outcomes.target import REGRESSION
from modelspan_analyzer.reading.relation import baseline_relation, window_relation
from modelspan_analyzer.reading.samples.features import Reference, finite, read_reference
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.verdicts.rates import Rate, RateVerdict, judge

SIGNAL: Final = "poisoning"


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A hint that could not be looked for."""

    metric: str
    verdict: Verdict
    reason: str
    n: int = 0
    n_baseline: int = 0


def poisoning(context: MonitorContext) -> list[Result]:
    """All hints, each with a verdict and the ids of predictions behind it."""
    baseline = context.baseline
    if baseline is None:
        return [_result_without(context, Unmeasured("outlier_rate", Verdict.NOT_ENOUGH_DATA, context.learning))]
    if context.no_rows:
        return context.skipped_without_rows(SIGNAL, *POISONING.metrics, monitor=SIGNAL)
    found = [*_rows(context, baseline), *_labels(context)]
    rates = [one for one in found if isinstance(one, Rate)]
    settings = context.settings.poisoning
    results = [_result_without(context, one) for one in found if isinstance(one, Unmeasured)]
    judged = judge(rates, alpha=settings.alpha, min_change=settings.min_change)
    return results + [_result(context, one) for one in judged]


def _result(context: MonitorContext, one: RateVerdict) -> Result:
    """An alarming share is a hint of what the settings say."""
    hint = Verdict(context.settings.poisoning.verdict) if one.verdict is Verdict.ALARM else None
    return context.rate_result(SIGNAL, one, hint)


def _result_without(context: MonitorContext, one: Unmeasured) -> Result:
    seen = Seen(n=one.n, n_baseline=one.n_baseline)
    return context.judged(SIGNAL, one.metric, None, seen, Judged(one.verdict, one.reason), SIGNAL)


def _rows(context: MonitorContext, baseline: Baseline) -> Iterator[Rate | Unmeasured]:
    """What needs no labels: outlying rows and near duplicates."""
    settings = context.settings.poisoning
    reference = read_reference(context.store, baseline, settings.max_rows // 2)
    window = context.sample(reference.encoding, settings.max_rows)
    n, n_baseline = len(window.ids), len(reference.held_out.ids)
    if min(n, n_baseline) < settings.min_rows:
        reason = f"{n} rows against {n_baseline} of the baseline's held-out half; both need {settings.min_rows}"
        for metric in ("outlier_rate", "near_duplicate_rate"):
            yield Unmeasured(metric, Verdict.NOT_ENOUGH_DATA, reason, n, n_baseline)
        return
    outlying = outlying_rows(context.store, baseline, reference, window, settings)
    if outlying is None:
        reason = "no feature fit for it has values on both sides, or the baseline has too few rows for so many"
        yield Unmeasured("outlier_rate", Verdict.SKIPPED, reason, n, n_baseline)
    else:
        yield Rate(
            "outlier_rate",
            "",
            outlying.faulty,
            outlying.n,
            outlying.faulty_baseline,
            outlying.n_baseline,
            "lie farther out than 99.9% of the baseline",
            details={"prediction_ids": outlying.farthest},
        )
    yield _near_duplicates(context, baseline, reference)


def _near_duplicates(context: MonitorContext, baseline: Baseline, reference: Reference) -> Rate | Unmeasured:
    settings = context.settings.poisoning
    scale = [(name, _spread(reference, place)) for place, name in enumerate(reference.encoding.numeric)]
    if not any(spread > 0 for _, spread in scale):
        reason = "no numeric feature varies in the baseline, so equal rows say nothing"
        return Unmeasured("near_duplicate_rate", Verdict.SKIPPED, reason)
    relations = (
        baseline_relation(baseline),
        window_relation(context.model, context.version, context.window),
    )
    before, now = repeats(context.store, *relations, context.current.rows, context.window, scale, settings)
    if now.n == 0:  # only some stretches of a large window are read, and these can be empty
        return Unmeasured("near_duplicate_rate", Verdict.NOT_ENOUGH_DATA, "no row in the stretches that were read")
    return Rate(
        "near_duplicate_rate",
        "",
        now.repeated,
        now.n,
        before.repeated,
        before.n,
        f"are among {settings.least} or more that nearly equal each other within a short time",
        details={"prediction_ids": list(now.ids), "largest": now.largest},
    )


def _spread(reference: Reference, column: int) -> float:
    values = finite(reference.learning.features[:, column])
    known = values[~np.isnan(values)]
    return float(known.std()) if known.size else 0.0


def _labels(context: MonitorContext) -> Iterator[Rate]:
    """Flipped labels, where the window and the baseline have labels and the model gives probabilities."""
    settings = context.settings.poisoning
    if context.coverages[0].labelled < settings.min_rows:
        return
    target = context.target
    if target.task == REGRESSION:
        return
    now, before = (read_labelled(context.store, rows, target, settings.max_rows) for rows in context.sources)
    if min(len(now.ids), len(before.ids)) < settings.min_rows:
        return
    known, found, ids = find_flips(before, now, settings.examples)
    sure, sure_baseline = float(found.joint.sum()), float(known.joint.sum())
    if sure == 0 or sure_baseline == 0:
        return
    crossed = found.joint - np.diag(np.diag(found.joint))
    label, predicted = np.unravel_index(int(np.argmax(crossed)), crossed.shape)
    direction = f"most labelled {target.classes[label]} where the model says {target.classes[predicted]}"
    yield Rate(
        "label_flip_rate",
        "",
        found.share * sure,
        sure,
        known.share * sure_baseline,
        sure_baseline,
        f"of the confident predictions contradict their label, {direction}",
        details={"prediction_ids": ids, "asymmetry": found.asymmetry, "baseline_asymmetry": known.asymmetry},
    )


POISONING: Final = Signal(
    SIGNAL,
    "suspicious rows",
    kinds.PREDICTION_DRIFT,
    run=poisoning,
    needs=(Need.BASELINE,),
    cost=Cost.SAMPLE,
    whole_only="whoever attacks chooses the rows: they are looked for among all, and named",
    metrics={
        "outlier_rate": Metric("outlying rows", kinds.PREDICTION_DRIFT),
        "near_duplicate_rate": Metric("bursts of nearly equal rows", kinds.PREDICTION_DRIFT),
        "label_flip_rate": Metric("labels that contradict the model", kinds.WRONG),
    },
)

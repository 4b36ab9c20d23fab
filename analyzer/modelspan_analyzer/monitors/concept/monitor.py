"""The monitor of concept: label shift, concept drift along each feature, calibration drift, and when errors began.

The three are kept apart: label shift moves the log odds of all rows by one constant, which is taken off before the
calibration is judged, and what all scores are off by, constant and factor, before the residuals along features are.
Drift along features is judged over rows whose inputs are as the baseline's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer import kinds
from modelspan_analyzer.monitors.concept.label_shift import label_shift
from modelspan_analyzer.monitors.concept.residuals import log_odds_shift, outcomes_of
from modelspan_analyzer.monitors.concept.stream import BUCKETS, FEWEST, HISTORY, change_points
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Need, Signal
from modelspan_analyzer.monitors.told_by import told_by
from modelspan_analyzer.reading.outcomes.read import score_counts
from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.samples.matrix import Encoding, Sample, find_encoding, sample
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, unjudged
from modelspan_analyzer.statistics.concept.along import Along, along
from modelspan_analyzer.statistics.concept.gaps import Gap, borders_of, parts_of
from modelspan_analyzer.statistics.concept.matched import Parts, matched
from modelspan_analyzer.statistics.estimation.calibrate import IDENTITY, Calibrator, fit_calibrator
from modelspan_analyzer.statistics.performance.calibration import expected_calibration_error
from modelspan_analyzer.statistics.performance.calibration_change import calibration_change
from modelspan_analyzer.statistics.performance.counts import FloatArray, ScoreCounts, ratios
from modelspan_analyzer.statistics.performance.scores import unscaled

SIGNAL: Final = "concept"
_NAMED: Final = 3
"""Features that a reason names."""


def concept(context: MonitorContext) -> list[Result]:
    """All of the above for a window with enough labels and a baseline with labels."""
    settings = context.settings.concept
    if not settings.enabled:
        return []
    if context.no_rows:
        return context.skipped_without_rows(SIGNAL, "labelled_rows")
    context, told = told_by(context, SIGNAL, settings.outcome)
    if any(one.verdict is Verdict.ERROR for one in told):
        return told
    current, *references = context.sources
    n, n_baseline = context.coverages[0].labelled, context.coverages[-1].labelled
    enough = bool(references) and min(n, n_baseline) >= settings.min_rows
    reason = f"{n} labelled rows against {n_baseline} of the baseline; both need {settings.min_rows}"
    looked = context.result(
        SIGNAL,
        "labelled_rows",
        float(n),
        Verdict.OK if enough else Verdict.NOT_ENOUGH_DATA,
        threshold=float(settings.min_rows),
        direction="below",
        n=n,
        n_baseline=n_baseline if references else 0,
        reason=reason if references else context.nothing_to_compare(),
    )
    return [*told, looked, *(_results(context, current, references[0], context.target) if enough else ())]


def _results(context: MonitorContext, current: Rows, reference: Rows, target: Target) -> Iterator[Result]:
    calibrator = IDENTITY
    if target.task != REGRESSION:
        yield from label_shift(context, SIGNAL, current, reference, target)
    if target.task == BINARY:
        known = score_counts(context.store, reference, target).get("")
        now = score_counts(context.store, current, target).get("")
        fault = next((unscaled(one.score) for one in (known, now) if one is not None and unscaled(one.score)), "")
        if fault:
            yield context.result(SIGNAL, "calibration_drift", None, Verdict.ERROR, reason=fault)
            return
        if known is not None and now is not None:
            calibrator = fit_calibrator(known)
            shift = log_odds_shift(now, calibrator)
            yield _calibration_drift(context, now, known, calibrator, shift)
            yield from _decomposition(context, now, known, calibrator)
    yield from _concept_drift(context, current, reference, target, calibrator)
    yield from _began(context)


def _calibration_drift(
    context: MonitorContext, now: ScoreCounts, known: ScoreCounts, calibrator: Calibrator, shift: float
) -> Result:
    """How far the shares of positives moved from what the calibrated scores meant on the baseline.

    What label shift explains is taken off, and what chance alone gives; what a model was always wrong by is no change.
    """
    settings = context.settings.concept
    window, baseline = (replace(one, score=calibrator(one.score)) for one in (now, known))
    moved = calibration_change(window, baseline, shift)
    excess, p_value = max(0.0, moved.error - moved.chance), moved.p_value
    alarm = excess >= settings.min_gap and p_value < settings.alpha
    return context.result(
        SIGNAL,
        "calibration_drift",
        excess,
        Verdict.ALARM if alarm else Verdict.OK,
        threshold=settings.min_gap,
        p_value=p_value,
        n=round(now.effective),
        n_baseline=round(known.effective),
        reason=f"scores are off by {excess:.1%} more than on the baseline, beyond label shift and chance"
        if alarm
        else "",
        details={
            "log_odds_shift": shift,
            "plain_error": expected_calibration_error(now),
            "baseline_error": expected_calibration_error(known),
        },
    )


def _decomposition(
    context: MonitorContext, now: ScoreCounts, known: ScoreCounts, calibrator: Calibrator
) -> Iterator[Result]:
    """The change of the Brier score in two: by other inputs (expected from the scores), and by another concept."""
    p, base = calibrator(now.score), calibrator(known.score)
    expected = float(np.average(p * (1 - p), weights=now.total))
    before = float(np.average(_squares(known, base), weights=known.total))
    realised = float(np.average(_squares(now, p), weights=now.total))
    parts = {"brier_change_from_inputs": expected - before, "brier_change_from_concept": realised - expected}
    for metric, value in parts.items():
        seen = Seen(n=round(now.effective), n_baseline=round(known.effective))
        yield context.judged(SIGNAL, metric, value, seen, unjudged("there to be read: `calibration_drift` is judged"))


def _squares(counts: ScoreCounts, p: FloatArray) -> FloatArray:
    return np.nan_to_num(ratios(counts.positives * (1 - p) ** 2 + counts.negatives * p**2, counts.total))


def _concept_drift(
    context: MonitorContext, current: Rows, reference: Rows, target: Target, calibrator: Calibrator
) -> Iterator[Result]:
    """The change along each feature, over rows whose inputs are as the baseline's: others tell of their inputs."""
    settings = context.settings.concept
    encoding = find_encoding(context.store, reference)
    pair = tuple(
        sample(context.store, rows, encoding, settings.max_rows, labelled=True) for rows in (current, reference)
    )
    parts = _parts(encoding, *pair)
    alike = matched(*parts, settings.alpha) if encoding.names else None
    if alike is not None and alike.changed:
        now, before = pair[0].only(alike.now), pair[1].only(alike.base)
        if min(len(now.ids), len(before.ids)) < settings.min_rows:
            yield from _cannot_tell(context, [encoding.names[place] for place in alike.changed], encoding.names, now)
            return
        pair = now, before
        parts = [each[alike.now] for each in parts[0]], [each[alike.base] for each in parts[1]]
    (now_side, _), (base_side, off) = (
        outcomes_of(rows, own, target, calibrator) for rows, own in zip(pair, parts, strict=True)
    )
    found = along(encoding.names, [not one for one in encoding.is_categorical], now_side, base_side)
    unit = float(np.std(off)) if target.task == REGRESSION else 1.0
    yield from _judged_gaps(context, found, unit, len(pair[0].ids), len(pair[1].ids))


def _cannot_tell(
    context: MonitorContext, changed: Sequence[str], names: Sequence[str], left: Sample
) -> Iterator[Result]:
    """Of every feature: other inputs have other outcomes under the same concept."""
    more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
    rows = (
        f"{len(left.ids):,} labelled rows are like the baseline's, and {context.settings.concept.min_rows:,} are needed"
    )
    reason = f"cannot tell: inputs changed ({', '.join(changed[:_NAMED])}{more}); {rows}"
    for feature in names:
        yield context.result(SIGNAL, "concept_drift", None, Verdict.NOT_COMPARED, feature=feature, reason=reason)


def _judged_gaps(context: MonitorContext, found: Along, unit: float, n: int, n_baseline: int) -> Iterator[Result]:
    settings = context.settings.concept
    alpha = settings.alpha / max(1, len(found.gaps))

    def size_of(gap: Gap) -> float:
        return gap.gap / unit if unit else 0.0

    def sure(gap: Gap) -> bool:
        return size_of(gap) >= settings.min_gap and gap.p_value < alpha

    for feature, one in found.gaps.items():
        follows = feature != found.first and not sure(found.besides[feature])
        verdict = Verdict.OK if not sure(one) else Verdict.WARNING if follows else Verdict.ALARM
        reason = f"outcomes along {feature} differ from the expected by {size_of(one):.1%} on average"
        because = f", which what changed along {found.first} explains" if follows else ""
        yield context.result(
            SIGNAL,
            "concept_drift",
            size_of(one),
            verdict,
            feature=feature,
            threshold=settings.min_gap,
            p_value=one.p_value,
            n=n,
            n_baseline=n_baseline,
            reason=reason + because if sure(one) else "",
        )


def _parts(encoding: Encoding, now: Sample, before: Sample) -> tuple[list[Parts], list[Parts]]:
    """Of each feature, the part of each row of both sides, by the baseline's deciles or its categories."""
    found: tuple[list[Parts], list[Parts]] = [], []
    for column in range(len(encoding.names)):
        reference = before.features[:, column]
        borders = None if encoding.is_categorical[column] else borders_of(reference)
        for side, values in zip(found, (now.features[:, column], reference), strict=True):
            side.append(parts_of(values, borders))
    return found


def _began(context: MonitorContext) -> Iterator[Result]:
    """What each detector says of the error rate: `value` is how far it rose, `details.since` when."""
    asked = context.store, context.model, context.version, context.window
    changes = change_points(*asked, context.target, context.outcome)
    if not changes:
        reason = f"detectors need labelled classes in {FEWEST} of {BUCKETS} parts of the last {HISTORY} windows"
        yield context.result(SIGNAL, "error_rate_changes", None, Verdict.NOT_ENOUGH_DATA, reason=reason)
    for detector, change in changes.items():
        rise = change.after - change.before
        details = {"before": change.before, "after": change.after}
        seen = Seen(n=change.rows, n_baseline=change.rows, details=details)
        if (moment := change.moment) is not None:
            reason = (
                f"the error rate changed around {moment:%Y-%m-%d %H:%M} UTC, "
                f"from {change.before:.1%} to {change.after:.1%}"
            )
            judged = Judged(Verdict.WARNING, reason, details={"since": moment.isoformat()})
        elif np.isfinite(rise):
            judged = Judged(Verdict.OK, "no change of the error rate")
        else:
            judged = Judged(Verdict.NOT_COMPARED, "no labelled rows before the window")
        value = rise if np.isfinite(rise) else None
        yield context.judged(SIGNAL, f"error_rate_{detector}", value, seen, judged)


CONCEPT: Final = Signal(
    SIGNAL,
    "changed outcomes",
    kinds.WRONG,
    run=concept,
    needs=(Need.LABELS, Need.LABELLED_BASELINE),
    plain_answers=True,
    whole_only="it takes labelled rows with inputs like the baseline's, of which a slice has few; what changed is "
    "told by feature, and `performance` measures each slice",
)

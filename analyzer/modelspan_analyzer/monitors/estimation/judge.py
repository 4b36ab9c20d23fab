"""Judges an estimate: against what is expected of the baseline, as long as the window's labels are not in."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, NamedTuple

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.estimation.track_record import SIGNAL
from modelspan_analyzer.reading.outcomes.target import BINARY, MULTICLASS, REGRESSION
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite, unjudged
from modelspan_analyzer.statistics.performance.counts import Estimate
from modelspan_analyzer.verdicts.change import change, is_worse, standard_error
from modelspan_analyzer.verdicts.labels_decide import labels_decide, left_to_labels

_JUDGED: Final = {BINARY: "roc_auc", MULTICLASS: "f1_macro", REGRESSION: "mean_absolute_error"}
"""The measure that is judged, by task."""


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
    beyond: str = ""
    """Where the window's inputs left those of the baseline, so that nothing tells; '' where they did not."""
    guess: str = ""
    """What the estimate takes for granted and the baseline cannot show; '' where it can."""

    @property
    def surest(self) -> Estimate:
        """What a change is told by: the wider of the two intervals."""
        if self.spread is None or standard_error(self.now) >= standard_error(self.spread):
            return self.now
        return self.spread


def judge(context: MonitorContext, estimator: str, found: Estimated, rows: float) -> Result:
    """The estimate of so many rows, judged."""
    now, base = found.now, found.base
    seen = Seen(
        estimator,
        n=round(rows),
        n_baseline=context.coverages[1].labelled,
        lower=finite(now.lower),
        upper=finite(now.upper),
        direction="below" if found.higher else "above",
        details={"baseline": finite(base.value)},
    )
    judged = _unfit(context, found, rows) or _change(context, found)
    judged = replace(judged, reason="; ".join(part for part in (judged.reason, found.guess) if part))
    seen_now, before = context.coverages
    least = context.settings.performance.min_rows
    if judged.decides and labels_decide(seen_now.labelled, seen_now.rows, before.labelled, least):
        judged = left_to_labels(f"labels are in for {seen_now.labelled} of {seen_now.rows} predictions", judged)
    return context.judged(SIGNAL, found.metric, finite(now.value), seen, judged)


def _unfit(context: MonitorContext, found: Estimated, rows: float) -> Judged | None:
    """Why an estimate is not judged; None where it is."""
    least = context.settings.estimation.min_rows
    if not (math.isfinite(found.now.value) or found.beyond or found.lacks):
        return _undecided(Verdict.SKIPPED, "undefined on these rows")
    if rows < least:
        return _undecided(Verdict.NOT_ENOUGH_DATA, f"{round(rows)} rows; {least} are needed")
    if found.beyond:
        return _undecided(Verdict.NOT_COMPARED, found.beyond)
    if found.lacks:
        return _undecided(Verdict.NOT_ENOUGH_DATA, found.lacks)
    if not math.isfinite(found.base.value):
        return _undecided(Verdict.NOT_COMPARED, "undefined on the baseline, so there is nothing to compare it with")
    return None


def _undecided(verdict: Verdict, reason: str) -> Judged:
    return Judged(verdict, reason, decides=False)


def _change(context: MonitorContext, found: Estimated) -> Judged:
    """By how far the estimate is from what is expected of the baseline."""
    metric, base = found.metric, found.base.value
    smallest = context.settings.estimation.min_change
    moved = change(found.surest, found.base, higher_is_better=found.higher)
    p_value = finite(moved.p_value)
    if metric != (judged_one := _JUDGED[context.target.task]):
        return unjudged(f"from {base:.4g}; of the estimates {judged_one} is judged", p_value)
    if p_value is None:
        return unjudged(f"from {base:.4g}, and how sure that is cannot be told: too few rows of a kind in the baseline")
    judged = Judged(Verdict.OK, "", base + smallest * abs(base) * (-1 if found.higher else 1), p_value)
    if is_worse(moved, base, min_change=smallest, confidence=context.settings.performance.confidence):
        reason = f"{metric} is estimated at {found.now.value:.4g}, from {base:.4g}"
        return replace(judged, verdict=Verdict.ALARM, reason=reason)
    return judged

"""What is taken for the truth where it is not the label: an outcome of a name, which has to be of the model's kind."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.reading.outcomes.spelling import is_number, shown
from modelspan_analyzer.reading.outcomes.target import REGRESSION
from modelspan_analyzer.results import Result, Verdict, finite

METRIC: Final = "outcome_share"
MOST_ODD: Final = 0.05
"""Share of an outcome's classes that may be none of the model's: beyond, it is not what the model answers."""


def told_by(context: MonitorContext, signal: str, outcome: str) -> tuple[MonitorContext, list[Result]]:
    """The window with an outcome for the truth, and of how many predictions it is known; the label, where it is ''.

    What is known is an error, and nothing can be measured by it, where it is of another kind than answers are.
    """
    if not outcome:
        return context, []
    told = context.told_by(outcome)
    known = told.coverages[0]
    fault = _fault(context, told)
    said = f"{outcome} is taken for the truth: known of {known.labelled} of {known.rows} predictions"
    verdict = Verdict.ERROR if fault else Verdict.NOT_COMPARED if known.labelled else Verdict.NOT_ENOUGH_DATA
    result = told.result(
        signal,
        METRIC,
        finite(known.share),
        verdict,
        n=known.rows,
        reason=f"{fault}: compare it in slices, by a metric of one's own with `outcome(...)`" if fault else said,
    )
    return told, [result]


def _fault(context: MonitorContext, told: MonitorContext) -> str:
    """Why what is known of an outcome cannot be the truth of what the model answers."""
    seen, target, name = told.answers[0], told.target, told.outcome
    if not seen.truths:
        return ""
    numbers = target.task == REGRESSION
    if numbers and not any(is_number(truth) for truth in seen.truths):
        return f"{name} is {shown(seen.truths)}, and the model predicts numbers"
    if target.apart:
        return f"{name} is no class that the model answers: {target.apart}"
    own = context.target
    if own.task != target.task and any(one.truths or one.predicted for one in context.answers):
        return f"{name} is {shown(seen.truths)}: by it the model would be of the task {target.task}, not {own.task}"
    if seen.labelled - told.coverages[0].labelled > MOST_ODD * seen.labelled:
        return f"{name} is {shown(target.strange)}, which is no class of the model ({', '.join(target.classes)})"
    return ""

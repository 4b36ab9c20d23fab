"""The monitor of experiments: goal and guardrails of each, over all of its windows so far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.config.cost_settings import TOLD
from modelspan_analyzer.config.experiment_settings import (
    BY_VERSION,
    COST,
    FAILURES,
    LATENCY,
    LOSS,
    METRIC,
    OUTCOME,
    TAG,
    ExperimentSettings,
    MeasureSettings,
)
from modelspan_analyzer.config.expression import measure, paid, sentence
from modelspan_analyzer.config.metric_settings import MetricSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.experiments.earlier import Before, as_details, before, definition
from modelspan_analyzer.monitors.experiments.judge import Asked, judge
from modelspan_analyzer.monitors.signal import Cost, Signal
from modelspan_analyzer.reading.arms import (
    NOTHING,
    Arms,
    answered,
    costs,
    failures,
    logarithms,
    losses,
    outcomes,
    own,
    unread,
)
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite
from modelspan_analyzer.statistics.sequential import LEAST, Batch, Standing, split_p_value, standing
from modelspan_analyzer.verdicts.p_value import p_text
from modelspan_collector.sqlhttp.errors import ClickHouseError

SIGNAL: Final = "experiments"
_SPLIT: Final = "split"
_SURE: Final = 0.001
"""Of a fault in the split, at all times at once."""
_NO_TAG: Final = "send it as the tag `cost`, or write `costs: {prediction: ...}` into monitors.yaml"
_NO_NUMBER: Final = "of {n:,} the tag `cost` is there and is no number such as 0.02"
_NO_RESULT: Final = "what `costs: {prediction: ...}` names is missing there, late or no number"
_DOUBT: Final = "; the split is not as it should be, so that both may have been given different requests"


def experiments(context: MonitorContext) -> list[Result]:
    """Every experiment that this version is part of."""
    return [result for one in context.settings.experiments for result in _experiment(context, one)]


def _experiment(context: MonitorContext, settings: ExperimentSettings) -> Iterator[Result]:
    by_version = settings.split == BY_VERSION
    if by_version and context.version != settings.challenger:
        if context.version == settings.champion:
            reason = f"it is judged in the windows of its challenger, {settings.challenger}"
            yield context.result(SIGNAL, settings.name, None, Verdict.SKIPPED, reason=reason)
        return
    versions = (settings.champion, settings.challenger) if by_version else (context.version, context.version)
    values = (settings.champion, settings.challenger)
    tag = "" if by_version else settings.split.removeprefix(TAG)
    arms = Arms(context.model, versions, tag, values, context.window)
    split = _split(context, arms, settings)
    yield from (split,) if split else ()
    doubt = _DOUBT if split and split.verdict is Verdict.ALARM else ""
    for one in (settings, *settings.guardrails):
        found = _measured(context, arms, _asked(context, settings, one))
        yield replace(found, reason=f"{found.reason}{doubt}")


def _split(context: MonitorContext, arms: Arms, settings: ExperimentSettings) -> Result | None:
    """Whether the challenger gets the share that it should, over all windows so far; None where nobody says which."""
    if settings.share is None:
        return None
    name, known = f"{settings.name}.{_SPLIT}", definition(settings, settings, f"{_SPLIT} {settings.share}")
    batch = failures(context.store, arms) if context.silence is None else Batch(NOTHING, NOTHING)
    earlier = before(context.store, (SIGNAL, name, known), context.model, context.version, context.window)
    batches = [*earlier.batches, batch]
    count, rows = sum(one.challenger.rows for one in batches), sum(one.rows for one in batches)
    details = {"definition": known, "batch": as_details(batch), "predictions": rows}
    details |= {"champion": settings.champion, "challenger": settings.challenger}
    seen = Seen(n=batch.sides[0].rows, n_baseline=batch.sides[-1].rows, direction="both", details=details)
    if rows * min(settings.share, 1 - settings.share) < LEAST:
        needed = math.ceil(LEAST / min(settings.share, 1 - settings.share))
        judged = Judged(
            Verdict.NOT_ENOUGH_DATA, f"{rows:,} of the {needed:,} predictions that show a split of that kind"
        )
        return context.judged(SIGNAL, name, None, seen, judged, SIGNAL)
    p_value = split_p_value(count, rows, settings.share)
    odd = p_value <= _SURE
    said = f"{settings.challenger} got {count / rows:.2%} of {rows:,} predictions, and should get {settings.share:.2%}"
    chance = f"{'never' if odd else 'also'} by chance (p {p_text(p_value)}, however often it is looked at)"
    judged = Judged(Verdict.ALARM if odd else Verdict.OK, f"{said}: {chance}", 0.0, None, {"p_always": p_value})
    return context.judged(SIGNAL, name, count / rows - settings.share, seen, judged, SIGNAL)


def _asked(context: MonitorContext, settings: ExperimentSettings, one: MeasureSettings) -> Asked:
    metric = _metric(context, one)
    usual = "higher" if one.measure.startswith(OUTCOME) or (metric and metric.direction == "below") else "lower"
    unit = context.settings.costs.currency if one.measure == COST else metric.unit if metric else ""
    return Asked(settings, one, (one.better or usual) == "higher", unit)


def _metric(context: MonitorContext, one: MeasureSettings) -> MetricSettings | None:
    name = one.measure.removeprefix(METRIC) if one.measure.startswith(METRIC) else None
    return next((each for each in context.settings.metrics if each.name == name), None)


def _expression(context: MonitorContext, one: MeasureSettings) -> str:
    """What a cost, or a metric of one's own, is computed by; '' of all others."""
    metric = _metric(context, one)
    return (context.settings.costs.prediction or TOLD) if one.measure == COST else metric.expression if metric else ""


def _measured(context: MonitorContext, arms: Arms, asked: Asked) -> Result:
    """One measure, of this window and all before it; one that cannot be computed is an error of its own."""
    known = definition(asked.experiment, asked.measure, _expression(context, asked.measure))
    try:
        batch, taken = _batch(context, arms, asked.measure)
        lacking = _lacking(batch, asked.experiment) + _unknown(context, arms, asked, batch)
        lacking += f"; {taken}" if taken else ""
    except (ValueError, ClickHouseError, DriverError) as error:
        reason = str(error) if isinstance(error, ValueError) else sentence(getattr(error, "message", str(error)))
        return context.result(SIGNAL, asked.name, None, Verdict.ERROR, reason=f"it cannot be measured: {reason}")
    earlier = before(context.store, (SIGNAL, asked.name, known), context.model, context.version, context.window)
    level, tuned_to = asked.experiment.level, asked.experiment.tuned_to
    found = standing([*earlier.batches, batch], level, tuned_to)
    judged = _once(judge(found, asked, _champion([*earlier.batches, batch])), earlier, asked)
    judged = _ended(judged, context, arms)
    judged = replace(judged, reason=f"{judged.reason}{lacking}")
    return context.judged(SIGNAL, asked.name, _shown(found, asked), _seen(found, batch, known, asked), judged, SIGNAL)


def _batch(context: MonitorContext, arms: Arms, one: MeasureSettings) -> tuple[Batch, str]:
    """What the window shows, and what its answers were taken for, where a loss may depend on it."""
    if context.silence is not None:
        return Batch(NOTHING, NOTHING), ""
    if one.measure == LOSS:
        settings = context.settings.performance
        return losses(context.store, arms, settings.positive_class, settings.threshold, settings.task)
    return _told(context, arms, one), ""


def _told(context: MonitorContext, arms: Arms, one: MeasureSettings) -> Batch:
    """The same of what no label says."""
    if one.measure in (LATENCY, FAILURES):
        return (logarithms if one.measure == LATENCY else failures)(context.store, arms)
    if one.measure == COST:
        return costs(context.store, arms, paid(_expression(context, one)))
    if (metric := _metric(context, one)) is not None:
        return own(context.store, arms, measure(metric.expression), metric.min_rows)
    return outcomes(context.store, arms, one.measure.removeprefix(OUTCOME))


def _once(judged: Judged, earlier: Before, asked: Asked) -> Judged:
    """A decision is told by the window that reached it; those beside it say that it is known."""
    if asked.margin is not None or not earlier.decided or earlier.decided_at is None:
        return judged
    when = f"decided by the window that ended at {earlier.decided_at:%Y-%m-%d %H:%M} UTC: {earlier.decided}"
    details = {name: value for name, value in judged.details.items() if name != "decided"}
    return Judged(Verdict.OK, f"{when}; now {judged.reason}", judged.threshold, None, details)


def _champion(batches: Sequence[Batch]) -> float:
    """The champion's mean over all batches."""
    sides = [(one.sides[-1].rows, one.usual if one.champion is None else one.champion.mean) for one in batches]
    rows = sum(count for count, _ in sides)
    return sum(count * mean for count, mean in sides) / rows if rows else 0.0


def _ended(judged: Judged, context: MonitorContext, arms: Arms) -> Judged:
    """A guardrail that was broken harms nobody once the challenger answers no more."""
    if judged.verdict is not Verdict.ALARM or "decided" in judged.details or answered(context.store, arms):
        return judged
    return replace(judged, verdict=Verdict.OK, reason=f"the challenger answers no more; until then {judged.reason}")


def _lacking(batch: Batch, settings: ExperimentSettings) -> str:
    """Which of the two the window has nothing of."""
    empty = [
        name for name, side in zip((settings.challenger, settings.champion), batch.sides, strict=False) if not side.rows
    ]
    return f"; this window has nothing of {' and '.join(empty)}" if empty else ""


def _unknown(context: MonitorContext, arms: Arms, asked: Asked, batch: Batch) -> str:
    """Of how many calls of the window the cost is not known, which the comparison leaves out."""
    if asked.measure.measure != COST or context.silence is not None:
        return ""
    names = asked.experiment.challenger, asked.experiment.champion
    every = zip(names, batch.sides, failures(context.store, arms).sides, strict=True)
    said = [
        f"{calls.rows - known.rows:,} of {calls.rows:,} of {name}"
        for name, known, calls in every
        if known.rows < calls.rows
    ]
    if not said:
        return ""
    why = _NO_RESULT
    if not context.settings.costs.prediction:
        texts = unread(context.store, arms, paid(TOLD))
        why = _NO_NUMBER.format(n=texts) if texts else _NO_TAG
    return f"; in this window the cost is not known of {' and '.join(said)}: {why}"


def _shown(found: Standing, asked: Asked) -> float | None:
    return finite(asked.shown(found.difference))


def _seen(found: Standing, batch: Batch, known: str, asked: Asked) -> Seen:
    return Seen(
        n=batch.sides[0].rows,
        n_baseline=batch.sides[-1].rows,
        lower=finite(asked.shown(found.lower)),
        upper=finite(asked.shown(found.upper)),
        direction="below" if asked.higher_is_better else "above",
        details={
            "definition": known,
            "batch": as_details(batch),
            "paired": batch.champion is None,
            "predictions": found.rows,
            "champion": asked.experiment.champion,
            "challenger": asked.experiment.challenger,
            "unit": asked.unit,
        },
    )


EXPERIMENTS: Final = Signal(
    SIGNAL,
    "experiment {metric}",
    run=experiments,
    cost=Cost.ROWS,
    gravity=3,
    endings={f".{_SPLIT}": "experiment {metric} has another split than it should"},
    yields_to_labels=True,
    whole_only="how many answers it needs is planned over all rows of its arms, which are slices themselves (`split`)",
)
"""Its findings are of two versions, not of single predictions: nothing asks why."""

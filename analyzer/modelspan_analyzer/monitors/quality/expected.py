"""When a model is expected to predict: as is said of it, or as it always did."""

from __future__ import annotations

from datetime import datetime

from modelspan_analyzer.config.expects import CONTINUOUS, NOTHING, batch_period
from modelspan_analyzer.reading.arrivals import active_hours, active_minutes
from modelspan_analyzer.reading.silence import Silence
from modelspan_analyzer.verdicts.bursts import Bursts, learnt, sporadic, told
from modelspan_collector.store.connect import Store

HOUR, MINUTE = 3600.0, 60.0


def expected_bursts(
    store: Store, model: str, expects: str, before: datetime, silence: Silence | None = None
) -> Bursts | None:
    """The rhythm in which a model predicts; None for a steady stream, for none, and where there is too little to tell.

    Args:
        store: where predictions are.
        model: of all its versions together.
        expects: what `monitors.yaml` says of it; empty to learn it.
        before: what came since is not looked at.
        silence: since when nothing came, where that is known.
    """
    period = batch_period(expects)
    if period is not None:
        return told(period.total_seconds())
    if expects in (CONTINUOUS, NOTHING):
        return None
    hours = active_hours(store, model, before, silence=silence)
    return learnt(hours, HOUR) or learnt(active_minutes(store, model, before, silence), MINUTE)


def too_young(store: Store, model: str, expects: str, before: datetime, silence: Silence | None = None) -> bool:
    """Whether a model seems to predict in batches, of which there were too few to tell when the next is to come."""
    if expects:
        return False
    hours = active_hours(store, model, before, silence=silence)
    return sporadic(hours, HOUR) or sporadic(active_minutes(store, model, before, silence), MINUTE)

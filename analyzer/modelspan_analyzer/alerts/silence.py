"""How long a model may be silent before somebody is called: by its settings, or by its own rhythm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from modelspan_analyzer.config.expects import NOTHING
from modelspan_analyzer.monitors.quality.expected import expected_bursts
from modelspan_collector.store.connect import Store

Expects = Callable[[str], str]
"""What `monitors.yaml` says of when a model predicts."""


def nothing_told(_model: str) -> str:
    """The rhythm of every model is learnt."""
    return ""


@dataclass
class Limits:
    """The limit of each model; a rhythm is looked for once a silence, as nothing changes it until the silence ends."""

    store: Store
    silent_after: timedelta
    expects: Expects = nothing_told
    _learnt: dict[str, tuple[datetime, float]] = field(default_factory=dict)

    def seconds(self, model: str, newest: datetime, age: float) -> float:
        """After how many seconds without a prediction a model alarms; infinitely many where none are expected.

        Args:
            model: the model.
            newest: its newest prediction.
            age: of that, in seconds; of a model that is not silent no rhythm is looked for.
        """
        least = self.silent_after.total_seconds()
        told = self.expects(model)
        if told == NOTHING:
            return float("inf")
        if not told and age <= least:
            return least
        known = self._learnt.get(model)
        if known is None or known[0] != newest:
            bursts = expected_bursts(self.store, model, told, newest)
            known = newest, max(least, bursts.limit) if bursts else least
            self._learnt[model] = known
        return known[1]

"""Which project a model is part of: its card says it, or else its telemetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelspan_collector.store.connect import Store

_TOLD: Final = "SELECT model, project, card, telemetry FROM projects ORDER BY model"


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one model's project; '' where nothing is."""

    model: str
    project: str
    """What counts: the card's word, or else that of the telemetry."""
    card: str
    telemetry: str

    @property
    def difference(self) -> str:
        """The two where they differ, in words; '' where they do not."""
        if not (self.card and self.telemetry) or self.card == self.telemetry:
            return ""
        return f"{self.model}: its card says project {self.card!r}, which counts; its telemetry says {self.telemetry!r}"


def told(store: Store) -> list[Told]:
    """What is said of each model of which anything is."""
    return [Told(**row) for row in store.rows(_TOLD)]


def projects_of(store: Store) -> dict[str, str]:
    """What each model is part of, all of its versions; without those of which nothing is said."""
    return {one.model: one.project for one in told(store)}

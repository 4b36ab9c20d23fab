"""What people thought of incidents, and which monitors are mostly noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from modelspan_analyzer.incidents import store as kept
from modelspan_analyzer.incidents.incident import Event, UnknownIncidentError
from modelspan_analyzer.people import printable, said
from modelspan_collector.store.connect import Store

USEFUL, NOISE = "useful", "noise"
OPINIONS = (USEFUL, NOISE)
LEAST_OPINIONS = 3


@dataclass(frozen=True, slots=True)
class MonitorFeedback:
    """How often the incidents of one monitor were worth it."""

    model: str
    monitor: str
    useful: int
    noise: int

    @property
    def mostly_noise(self) -> bool:
        """Whether enough people said so to have it looked at."""
        return self.useful + self.noise >= LEAST_OPINIONS and self.noise > self.useful


def give(store: Store, incident_id: str, opinion: str, *, actor: str, now: datetime, comment: str = "") -> None:
    """Record what somebody thinks of an incident; saying it again replaces it.

    Raises:
        UnknownIncidentError: there is no such incident.
        ValueError: there is no such opinion, or the comment is too long.
    """
    actor, comment = printable(actor), said(comment)
    if opinion not in OPINIONS:
        raise ValueError(f"{opinion!r} is no opinion; say {' or '.join(OPINIONS)}")
    if not kept.load(store, incident_id=incident_id):
        raise UnknownIncidentError(incident_id)
    stamp = pa.timestamp("ms", "UTC")
    row = {"incident_id": [incident_id], "actor": [actor], "opinion": [opinion], "comment": [comment]}
    store.insert("incident_feedback", pa.table({**row, "at": pa.array([now], stamp)}))
    told = f"{actor or 'somebody'} found it {'useful' if opinion == USEFUL else 'noise'}"
    kept.add_events(store, [(incident_id, Event(now, "feedback", f"{told}: {comment}" if comment else told))])


def opinions(store: Store, incident_ids: Sequence[str], until: datetime) -> dict[str, tuple[int, int]]:
    """How many people had found each of some incidents useful, and how many noise, before a moment."""
    asked = {"ids": list(incident_ids), "until": until}
    return {row["incident_id"]: (int(row["useful"]), int(row["noise"])) for row in store.rows(_OPINIONS, asked)}


_OPINIONS = """
SELECT incident_id, countIf(opinion = 'useful') AS useful, countIf(opinion = 'noise') AS noise
FROM incident_feedback FINAL
WHERE incident_id IN {ids:Array(String)} AND at < {until:DateTime64(3, 'UTC')} GROUP BY incident_id
"""
BY_MONITOR = """
SELECT i.model AS model,
       arrayJoin(arrayDistinct(arrayMap(finding -> if(JSONExtractString(finding, 'monitor') != '',
           JSONExtractString(finding, 'monitor'), JSONExtractString(finding, 'signal')),
           JSONExtractArrayRaw(i.findings)))) AS monitor,
       countIf(f.opinion = 'useful') AS useful, countIf(f.opinion = 'noise') AS noise
FROM (SELECT * FROM incident_feedback FINAL) AS f
INNER JOIN (SELECT * FROM incidents FINAL) AS i ON i.incident_id = f.incident_id
GROUP BY model, monitor
ORDER BY noise DESC, model, monitor
"""
"""Columns model, monitor, useful, noise."""


def by_monitor(store: Store) -> list[MonitorFeedback]:
    """Opinions counted for every monitor that had a part in an incident, the noisiest first."""
    return [MonitorFeedback(**row) for row in store.rows(BY_MONITOR)]

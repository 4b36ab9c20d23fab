"""What a digest tells, read of all models at once: so many queries, however many models and teams there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.lifecycle import Lifecycle, lifecycles_then
from modelspan_analyzer.incidents.feedback import opinions
from modelspan_analyzer.incidents.incident import Event, Incident
from modelspan_analyzer.incidents.store import LASTING, load_lasting, timelines
from modelspan_analyzer.reading.stages import VersionStage, stages
from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.views import goals, health
from modelspan_analyzer.views.digest.seen import NOTHING, Seen, queries_of, seen_in
from modelspan_analyzer.views.digest.span import Span
from modelspan_analyzer.views.fleet import Member, members
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.traffic import Came, traffic_between
from modelspan_collector.store.connect import Store

_BARELY: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Facts:
    """All that is known of every version by the end of a span; each team's digest is cut out of it."""

    span: Span
    made_at: datetime
    members: tuple[Member, ...]
    """Every version that anything is known of, or that an incident is of."""
    came: Mapping[Name, Came]
    seen: Mapping[Name, Seen]
    told: Mapping[Name, VersionStage]
    """What people have decided of versions, ever."""
    lifecycles: Mapping[Name, Lifecycle]
    """As it was told by the end, with what contradicted it in the day before that."""
    incidents: tuple[Incident, ...]
    timelines: Mapping[str, list[Event]]
    opinions: Mapping[str, tuple[int, int]]
    queries: tuple[Query, ...]

    def of(self, name: Name) -> Seen:
        """What results and runs say of a version."""
        return self.seen.get(name, NOTHING)


def collect(store: Store, config: MonitorsConfig, span: Span, now: datetime) -> Facts:
    """Read all that the digests of a span tell."""
    found = load_lasting(store, span.before, max(now, span.until))
    ids = [one.incident_id for one in found]
    everyone, _ = members(store, config, now, besides=[(one.model, each) for one in found for each in one.versions])
    came, flow = traffic_between(store, span.before, span.since, span.until)
    then: Mapping[Name, Lifecycle] = {(one.model, one.version): one.lifecycle for one in everyone}
    if span.until <= now:
        then = lifecycles_then(store, span.until - _BARELY)
    lasting = Query("Incidents that lasted into the time", LASTING, {"since": span.since, "until": span.until})
    return Facts(
        span=span,
        made_at=now,
        members=tuple(everyone),
        came=came,
        seen=seen_in(store, span),
        told=stages(store),
        lifecycles=then,
        incidents=tuple(found),
        timelines=timelines(store, ids),
        opinions=opinions(store, ids, span.until),
        queries=(
            flow,
            *queries_of(span),
            health.then_query(span.until),
            goals.then_query(span.before, span.until),
            lasting,
        ),
    )

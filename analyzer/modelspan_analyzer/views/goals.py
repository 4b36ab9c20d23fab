"""Targets of metrics of one's own: the goal, what was realised, and how fast the budget for missing it is used up."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.monitors.metrics.targets import BURN
from modelspan_analyzer.monitors.metrics.targets import SIGNAL as METRICS
from modelspan_analyzer.reading.relation import filled
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name, UntilWritten
from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

_NEWEST: Final = f"""
SELECT model, version,
       groupArray((newest.5, goal_of, newest.1, newest.2, newest.3, newest.4, newest.6, newest.7)) AS goals
FROM (
    SELECT model, version, replaceOne(toString(metric), '{BURN}', '') AS goal_of,
           argMax((JSONExtractFloat(details, 'realised'), JSONExtractString(details, 'unit'),
                   JSONExtractString(details, 'goal'), toString(verdict), toString(feature), value,
                   JSONExtractFloat(details, 'left')), window_end) AS newest
    FROM monitor_results FINAL
    WHERE {OF_MODELS} AND signal = '{METRICS}' AND endsWith(metric, '{BURN}') AND JSONHas(details, 'goal')
      AND window_end >= {{since:DateTime('UTC')}}{{until}}
    GROUP BY model, version, metric ORDER BY metric
)
GROUP BY model, version
"""
GOALS: Final = filled(_NEWEST, until="")
"""Parameters: models, since."""
_THEN: Final = filled(_NEWEST, until=" AND window_end <= {until:DateTime64(9, 'UTC')}")


@dataclass(frozen=True, slots=True)
class Goal:
    """A target of a metric of one's own, and what came of it over its period."""

    feature: str
    """What the metric is of."""
    metric: str
    realised: float
    unit: str
    goal: str
    """In words, with the unit."""
    verdict: str
    """Of the burn rate of its newest window."""
    burn: float | None
    """How many times as fast as allowed the budget is used up; None where its windows are too few to say."""
    left: float
    """Of the budget of the windows so far; below 0 where more than that is used up."""


Goals = Mapping[Name, tuple[Goal, ...]]


def goals_since(store: Store, model: str, since: datetime) -> Goals:
    """The goals that were looked at since a time, each by its newest window, of every version or of one model's."""
    return _KEPT(store, model, since)


def goals_then(store: Store, since: datetime, until: datetime, models: Sequence[str] = ()) -> Goals:
    """The goals that were looked at in a time, each by its last window of it: of some models, or of all."""
    return _goals(store.rows(_THEN, {"models": list(models), "since": since, "until": until}))


def then_query(since: datetime, until: datetime) -> Query:
    """What `goals_then` asks of all models."""
    return Query("Goals and what came of them", _THEN, {"models": [], "since": since, "until": until})


def _read(store: Store, models: Sequence[str], since: Hashable) -> Goals:
    return _goals(store.rows(GOALS, {"models": list(models), "since": since}))


def _goals(rows: Sequence[Mapping[str, object]]) -> dict[Name, tuple[Goal, ...]]:
    return {
        (str(row["model"]), str(row["version"])): tuple(Goal(*each) for each in row["goals"])  # type: ignore[attr-defined]
        for row in rows
    }


_KEPT: Final = UntilWritten(_read, "monitor_results")

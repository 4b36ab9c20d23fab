"""What missed windows say of the beginning of an incident that a newer window opened."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modelspan_analyzer.incidents.incident import OPEN, Incident, key_of
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

_BEFORE = """
SELECT version, window_start, window_end, signal, metric, feature, segment, monitor, value, threshold, direction,
       verdict, reason, n, n_baseline, baseline_id, details
FROM monitor_results FINAL
WHERE model = {model:String} AND (version, signal, metric, feature, segment, monitor) = ({version:String},
      {signal:String}, {metric:String}, {feature:String}, {segment:String}, {monitor:String})
  AND window_start < {began:DateTime64(9, 'UTC')}
ORDER BY window_start DESC
LIMIT 2000
"""


def first_alarms(store: Store, results: Sequence[Result], incidents: Sequence[Incident]) -> list[Result]:
    """The first alarms of what was wrong already in the windows before an incident that is open.

    The newest of many missed windows is looked at first, and opens the incident of a fault that may have lasted for
    long. Once the windows before it are made up for, without one between that is not bad, they tell when it began.

    Args:
        store: where results are kept.
        results: of one window of one model.
        incidents: of that model, in their newest state.

    Returns:
        Of each finding whose bad windows reach up to its incident's beginning without a gap, the first bad one.
    """
    found = []
    for one in incidents:
        live = {member.key for member in one.findings if not member.ended} if one.status == OPEN else set()
        reaching = (result for result in results if key_of(result) in live and _reaches(result, one))
        firsts = (_first(store, result, one) for result in reaching)
        found += [first for first in firsts if first is not None]
    return found


def _reaches(result: Result, incident: Incident) -> bool:
    """Whether it is an alarm of the window just before that in which the incident begins."""
    window, began = result.window, incident.began_at
    return result.verdict is Verdict.ALARM and window.start < began and began - window.end < window.end - window.start


def _first(store: Store, result: Result, incident: Incident) -> Result | None:
    """The first of the alarms that follow one another up to the incident's beginning; None where there is none."""
    names = ("model", "version", "signal", "metric", "feature", "segment", "monitor")
    given = {name: getattr(result, name) for name in names}
    first, edge = None, incident.began_at
    for row in store.rows(_BEFORE, given | {"began": incident.began_at}):
        window = Window(utc(row.pop("window_start")), utc(row.pop("window_end")))
        verdict = Verdict(row.pop("verdict"))
        if window.end < edge or verdict is not Verdict.ALARM:
            break
        first, edge = (row, window), window.start
    if first is None or first[1].end > incident.began_at:
        return None
    row, window = first
    row["details"] = json.loads(row["details"] or "{}")
    return Result(model=result.model, window=window, verdict=Verdict.ALARM, **row)

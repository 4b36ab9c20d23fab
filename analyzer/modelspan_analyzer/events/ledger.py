"""The table `verdict_events`: what was told, and what waits to be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from modelspan_analyzer.events.change import Change, History, Key, Told
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

SENT: Final = "sent"
REFUSED: Final = "refused"
GONE: Final = "gone"
AT_ONCE: Final = 1000
"""Events that are read at a time."""

_NAMES: Final = ("version", "signal", "metric", "feature", "segment", "monitor")
_TOLD = """
SELECT version, signal, metric, feature, segment, monitor, argMax(verdict, (window_end, at)) AS told,
       max(window_end) AS newest
FROM verdict_events FINAL
WHERE model = {model:String} AND version = {version:String}
GROUP BY version, signal, metric, feature, segment, monitor
"""
_HISTORIES = """
SELECT version, signal, metric, feature, segment, monitor, max(window_end) AS newest,
       maxIf(window_end, said != 'ok') AS bad,
       arrayCount(ended -> ended > bad, groupArrayIf(window_end, said = 'ok')) AS good
FROM (
    SELECT version, signal, metric, feature, segment, monitor, window_end,
           if(JSONHas(details, 'judged_instead'), 'ok', toString(verdict)) AS said
    FROM monitor_results FINAL
    WHERE model = {model:String} AND version = {version:String} AND window_end >= {since:DateTime64(9, 'UTC')}
      AND has({keys:Array(Array(String))},
              [toString(version), toString(signal), toString(metric), toString(feature), segment, toString(monitor)])
)
WHERE said IN ('ok', 'warning', 'alarm')
GROUP BY version, signal, metric, feature, segment, monitor
"""
_WAITING = """
SELECT model, version, signal, metric, feature, segment, monitor, window_start, window_end, before, verdict, at
FROM verdict_events FINAL
WHERE outcome = ''
ORDER BY at, model, version, window_end, signal, metric, feature, segment, monitor, verdict
LIMIT {limit:UInt32}
"""


def told(store: Store, model: str, version: str) -> dict[Key, Told]:
    """What was told last, or waits to be, of every measurement of which anything was."""
    rows = store.rows(_TOLD, {"model": model, "version": version})
    return {_key(row): Told(str(row["told"]), utc(row["newest"])) for row in rows}


def histories(store: Store, model: str, version: str, keys: Collection[Key], since: datetime) -> dict[Key, History]:
    """What windows that ended since a moment say of measurements; nothing of one of which none says anything."""
    if not keys:
        return {}
    asked = {"model": model, "version": version, "since": since, "keys": [list(key) for key in sorted(keys)]}
    return {_key(row): History(utc(row["newest"]), int(row["good"])) for row in store.rows(_HISTORIES, asked)}


def add(store: Store, changes: Sequence[Change], outcome: str = "") -> None:
    """Keep changes that are to be told, or what became of them: one that is known already stays as it is."""
    if not changes:
        return
    nanoseconds, milliseconds = pa.timestamp("ns", "UTC"), pa.timestamp("ms", "UTC")
    columns: dict[str, Any] = {
        "model": [one.model for one in changes],
        **{name: [one.key[place] for one in changes] for place, name in enumerate(_NAMES)},
        "window_start": pa.array([one.window.start for one in changes], nanoseconds),
        "window_end": pa.array([one.window.end for one in changes], nanoseconds),
        "before": [one.before for one in changes],
        "verdict": [one.verdict for one in changes],
        "at": pa.array([one.at for one in changes], milliseconds),
        "outcome": [outcome] * len(changes),
        "answered": pa.array([int(outcome != "")] * len(changes), pa.uint8()),
    }
    store.insert("verdict_events", pa.table(columns))


def waiting(store: Store, limit: int = AT_ONCE) -> list[Change]:
    """What has not been told yet, the oldest first."""
    return [_change(row) for row in store.rows(_WAITING, {"limit": limit})]


def _change(row: dict[str, Any]) -> Change:
    window = Window(utc(row["window_start"]), utc(row["window_end"]))
    found: datetime = utc(row["at"])
    return Change(str(row["model"]), _key(row), window, str(row["before"]), str(row["verdict"]), found)


def _key(row: dict[str, Any]) -> Key:
    return tuple(str(row[name]) for name in _NAMES)

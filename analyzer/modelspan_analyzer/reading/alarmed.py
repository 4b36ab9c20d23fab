"""Which earlier windows alarmed: a fault is not what is usual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

_ALARMED: Final = """
SELECT DISTINCT toString(version) AS version, toString(feature) AS feature, window_start, window_end, {stage} AS stage
FROM monitor_results FINAL
WHERE model = {{model:String}} AND ({{every:Bool}} OR version = {{version:String}})
  AND signal = {{signal:String}} AND metric = {{metric:String}}
  AND window_start < {{until:DateTime64(9, 'UTC')}}
  AND (window_end > {{since:DateTime64(9, 'UTC')}} OR window_start IN {{starts:Array(DateTime64(9, 'UTC'))}})
  AND {which}
"""
_OF_ALL: Final = " AND segment = '' AND feature IN {names:Array(String)}"
# What breached is a fault, too, where all monitors together, or one that asks for persistence, made a warning of it.
_BREACHED: Final = "(verdict = 'alarm' OR JSONExtractBool(details, 'breach'))"
_STAGE: Final = "JSONExtractInt(details, 'season_stage')"
_FEW: Final = timedelta(days=3)
_BY_ONE: Final = "SETTINGS max_threads = 1"
"""For the results of `_FEW` days: sharing so little out costs more than reading it."""


@dataclass(frozen=True, slots=True)
class Alarmed:
    """A window in which a measure alarmed."""

    version: str
    feature: str
    window: Window
    stage: int = 0
    """What was known of the column's season: `season_stage` of its details; 0 where breaches were not asked for."""


def alarmed_windows(
    store: Store,
    model: str,
    signal: str,
    metric: str,
    within: Window,
    *,
    version: str | None = None,
    features: Sequence[str] | None = None,
    starts: Iterable[datetime] = (),
    breached: bool = False,
) -> list[Alarmed]:
    """The windows in which a measure alarmed, of whatever length.

    Args:
        store: where results are kept.
        model: of which model.
        signal: whose results.
        metric: which of them.
        within: windows that have a part in it.
        version: of which version; of every one for None.
        features: of which features, over all rows; of every feature and segment for None.
        starts: beginnings of windows that are wanted too, before the end of `within`.
        breached: whether one that breached its threshold counts, though a warning was made of it.
    """
    which = (_BREACHED if breached else "verdict = 'alarm'") + ("" if features is None else _OF_ALL)
    asked = {
        "model": model,
        "every": version is None,
        "version": version or "",
        "signal": signal,
        "metric": metric,
        "since": within.start,
        "until": within.end,
        "starts": list(starts),
        "names": list(features or ()),
    }
    sql = _ALARMED.format(stage=_STAGE if breached else "0", which=which)
    rows = store.rows(sql + _BY_ONE if within.end - within.start <= _FEW else sql, asked)
    return [
        Alarmed(row["version"], row["feature"], Window(utc(row["window_start"]), utc(row["window_end"])), row["stage"])
        for row in rows
    ]

"""Which features moved, and how much that matters: the newest measured window, with the bins that its verdicts used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.charts import Figure, Markup, histogram_pair, mini_pair, moved_most
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.drift.data_drift import SIGNAL as DATA_DRIFT
from modelspan_analyzer.views.period import WITHIN, Period
from modelspan_analyzer.views.query import Query
from modelspan_collector.store.connect import Store

_DRIFT: Final = f"signal = '{DATA_DRIFT}' AND metric IN ('psi', 'jensen_shannon_distance') AND value IS NOT NULL"
_DRIFTED: Final = f"""
SELECT feature, metric, window_start, window_end, value, threshold, verdict, reason, n, n_baseline, baseline_id, details
FROM monitor_results FINAL
WHERE {WITHIN} AND segment = {{segment:String}} AND {_DRIFT} AND window_end = (
    SELECT max(window_end) FROM monitor_results
    WHERE {WITHIN} AND segment = {{segment:String}} AND {_DRIFT}
)
"""
_HISTORY: Final = f"""
SELECT feature, metric, window_start, window_end, value, threshold, verdict, reason, n, n_baseline, baseline_id, details
FROM monitor_results FINAL
WHERE {WITHIN} AND segment = {{segment:String}} AND feature = {{feature:String}} AND {_DRIFT}
"""
_ORDER: Final = {"alarm": 0, "warning": 1}


@dataclass(frozen=True, slots=True)
class Drifted:
    """One feature of one window, beside its baseline."""

    feature: str
    metric: str
    start: datetime
    end: datetime
    value: float
    threshold: float | None
    verdict: str
    reason: str
    n: int
    n_baseline: int
    baseline_id: str
    importance: float | None
    """By attributions, or else by correlation with the answer; None where nothing tells."""
    priority: float
    """What it is ranked by: drift beyond chance times importance."""
    bins: tuple[str, ...]
    """Those that the verdict used; none where it was made otherwise."""
    baseline: tuple[float, ...]
    window: tuple[float, ...]

    @property
    def moved(self) -> list[int]:
        """The places of the bins that moved most, the most first."""
        return moved_most(self.baseline, self.window)

    @property
    def mini(self) -> Markup:
        """Both distributions, small."""
        return mini_pair(self.baseline, self.window, f"{self.feature}: baseline and window")

    def figure(self, names: tuple[str, str] = ("baseline", "window")) -> Figure:
        """Both distributions, in the bins of the verdict."""
        moved = self.moved if self.verdict in _ORDER else ()
        title = f"{self.feature}: {names[0]} and {names[1]}"
        return histogram_pair(title, self.bins, self.baseline, self.window, moved, names=names)


def drifted(store: Store, model: str, version: str, of: Period, segment: str = "") -> tuple[list[Drifted], Query]:
    """The features of the newest window of a period in which drift was measured, those that matter most first."""
    scope = {"model": model, "version": version, "segment": segment}
    query = Query("Features by drift × importance, in the newest window", _DRIFTED, {**scope, **of.parameters})
    return ranked(map(_stored, store.rows(query.sql, query.parameters))), query


def ranked(found: Iterable[Drifted]) -> list[Drifted]:
    """What matters most first; of a feature and window that whose measure carries the verdict, if both were taken."""
    kept: dict[tuple[str, datetime], Drifted] = {}
    for one in found:
        known = kept.get((one.feature, one.end))
        if known is None or (one.bins and not known.bins):
            kept[one.feature, one.end] = one
    return sorted(kept.values(), key=lambda one: (_ORDER.get(one.verdict, 2), -one.priority, one.feature))


def history(
    store: Store, model: str, version: str, of: Period, feature: str, segment: str = ""
) -> tuple[list[Drifted], Query]:
    """One feature in every window of a period in which its drift was measured, the oldest first."""
    scope = {"model": model, "version": version, "segment": segment, "feature": feature}
    query = Query("The feature's distribution in each window", _HISTORY, {**scope, **of.parameters})
    found = ranked(map(_stored, store.rows(query.sql, query.parameters)))
    return sorted(found, key=lambda one: one.end), query


def _stored(row: Mapping[str, Any]) -> Drifted:
    return drifted_of(row, json.loads(row["details"] or "{}"))


def drifted_of(row: Mapping[str, Any], details: Mapping[str, Any]) -> Drifted:
    """A result of drift with its details."""
    given = {name: row[name] for name in ("feature", "metric", "value", "threshold", "verdict", "reason")}
    return Drifted(
        **given,
        start=utc(row["window_start"]),
        end=utc(row["window_end"]),
        n=int(row["n"]),
        n_baseline=int(row["n_baseline"]),
        baseline_id=row["baseline_id"],
        importance=details.get("importance"),
        priority=details.get("priority") or details.get("excess_effect") or 0.0,
        bins=tuple(details.get("bins", ())),
        baseline=tuple(details.get("baseline", ())),
        window=tuple(details.get("window", ())),
    )

"""The other direction: for a service that slowed down, failed or was redeployed, which models moved with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.multiple_testing import adjusted_p_values
from modelspan_analyzer.why.contrast import two_proportions
from modelspan_collector.store.connect import Store

ALPHA = 0.01
LEAST_CHANGE = 0.02


@dataclass(frozen=True, slots=True)
class Moved:
    """One rate of one model, before and after the moment."""

    model: str
    measure: str
    """errors; slow or high: duration or value above its 95th percentile before; or missing <feature>."""
    before: float
    after: float
    p_value: float
    """Adjusted over everything compared (Benjamini and Hochberg 1995)."""
    predictions: int


# Only predictions whose trace has a span of the service: others cannot have been moved by it.
_RATES = """
WITH touched AS (
    SELECT p.model AS model, p.timestamp >= {at:DateTime64(9, 'UTC')} AS late, p.error_type AS error_type,
           p.duration AS duration, p.value AS value, p.null_features AS null_features
    FROM predictions AS p
    WHERE p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')} AND p.trace_id IN (
        SELECT TraceId FROM otel_traces
        WHERE ServiceName = {service:String}
          AND Timestamp >= {start:DateTime64(9, 'UTC')} AND Timestamp < {end:DateTime64(9, 'UTC')})),
usual AS (
    SELECT model, quantile(0.95)(duration) AS slow, quantile(0.95)(value) AS high
    FROM touched WHERE NOT late GROUP BY model)
SELECT t.model AS model, pair.1 AS measure, countIf(late AND pair.2) AS hit_after, countIf(late) AS after,
       countIf(NOT late AND pair.2) AS hit_before, countIf(NOT late) AS before
FROM touched AS t INNER JOIN usual AS u ON u.model = t.model
ARRAY JOIN arrayConcat(
    [('errors', error_type != ''), ('slow', ifNull(duration > slow, false)), ('high', ifNull(value > high, false))],
    arrayMap(feature -> (concat('missing ', feature::String), has(null_features, feature)), {features:Array(String)})
) AS pair
GROUP BY model, measure
HAVING before > 0 AND after > 0
"""
_FEATURES = """
SELECT DISTINCT arrayJoin(null_features)::String AS feature FROM predictions
WHERE timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')} ORDER BY feature LIMIT 200
"""


def moved(store: Store, service: str, window: Window, before: timedelta | None = None) -> list[Moved]:
    """Rates of the models behind a service that changed with the start of a window, the surest first.

    Args:
        store: with traces and predictions.
        service: whose spans the predictions' traces must hold.
        window: since the service changed; `window.start` is the moment.
        before: how much of the time before is compared with; as long as the window if not given.
    """
    start = window.start - (before or window.end - window.start)
    bounds = {"start": start, "at": window.start, "end": window.end}
    features = [row["feature"] for row in store.rows(_FEATURES, bounds)]
    rows = store.rows(_RATES, {**bounds, "service": service, "features": features})
    if not rows:
        return []
    p_values = [min(1.0, 2 * _one_sided(row)) for row in rows]
    adjusted = adjusted_p_values(np.array(p_values), "benjamini_hochberg")
    found = [
        Moved(
            row["model"], row["measure"], row["hit_before"] / row["before"], row["hit_after"] / row["after"],
            float(p_value), row["before"] + row["after"],
        )
        for row, p_value in zip(rows, adjusted, strict=True)
    ]  # fmt: skip
    changed = [one for one in found if one.p_value < ALPHA and abs(one.after - one.before) >= LEAST_CHANGE]
    return sorted(changed, key=lambda one: (one.p_value, -abs(one.after - one.before)))


def _one_sided(row: dict[str, int]) -> float:
    rates = (
        (np.array([row["hit_after"] / row["after"]]), row["after"]),
        (
            np.array([row["hit_before"] / row["before"]]),
            row["before"],
        ),
    )
    high, low = sorted(rates, key=lambda rate: -float(rate[0][0]))
    return float(two_proportions(high[0], low[0], high[1], low[1])[0])

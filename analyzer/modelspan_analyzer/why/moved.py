"""The other direction: for a service that slowed down, failed or was redeployed, which models moved with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from modelspan_analyzer import instants
from modelspan_analyzer.reading import labels
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
    """errors; missing <feature>; wrong, by the labels; and, above the 95th percentile of before: slow, high prediction,
    high <feature> (for labels that are numbers, so is wrong)."""
    before: float
    after: float
    p_value: float
    """Adjusted over everything compared (Benjamini and Hochberg 1995)."""
    predictions: int


_IN_TIME = """
SELECT prediction_id FROM predictions
WHERE timestamp >= {start:DateTime64(9, 'UTC')} AND timestamp < {end:DateTime64(9, 'UTC')}
"""
# Only predictions whose trace has a span of the service: others cannot have been moved by it.
_TOUCHED = f"""
WITH touched AS (
    SELECT p.model AS model, p.timestamp >= {{at:DateTime64(9, 'UTC')}} AS late, p.error_type AS error_type,
           p.duration AS duration, p.value AS value, p.null_features AS null_features,
           p.numeric_features AS numbers, {labels.labelled()} AS labelled,
           if(own.3 != '', toFloat64(own.3 != p.label), abs(ifNull(own.2, nan) - ifNull(p.value, nan))) AS off,
           own.3 != '' AS class, {labels.own()} AS own
    FROM predictions AS p LEFT JOIN {labels.labels_of(_IN_TIME)} AS l ON l.prediction_id = p.prediction_id
    WHERE p.timestamp >= {{start:DateTime64(9, 'UTC')}} AND p.timestamp < {{end:DateTime64(9, 'UTC')}}
      AND p.trace_id IN (
        SELECT TraceId FROM otel_traces
        WHERE ServiceName = {{service:String}}
          AND Timestamp >= {{start:DateTime64(9, 'UTC')}} AND Timestamp < {{end:DateTime64(9, 'UTC')}})),
"""
_RATES = """
usual AS (
    SELECT model, quantile(0.95)(duration) AS slow, quantile(0.95)(value) AS high,
           quantileMap(0.95)(numbers) AS highs, quantileIf(0.95)(off, labelled AND NOT class) AS most_off
    FROM touched WHERE NOT late GROUP BY model)
SELECT t.model AS model, rate.1 AS measure, countIf(late AND rate.2) AS hit_after, countIf(late) AS after,
       countIf(NOT late AND rate.2) AS hit_before, countIf(NOT late) AS before
FROM touched AS t INNER JOIN usual AS u ON u.model = t.model
ARRAY JOIN arrayFilter(one -> one.3, arrayConcat(
    [('errors', error_type != '', true),
     ('slow', ifNull(duration > slow, false), true),
     ('high prediction', ifNull(value > high, false), isNotNull(value)),
     ('wrong', off > if(class, 0, most_off), labelled AND isFinite(off))],
    arrayMap(feature -> (concat('missing ', feature), has(null_features, feature), true), {features:Array(String)}),
    arrayMap((feature, number) -> (concat('high ', feature::String), number > highs[feature], true),
             mapKeys(numbers), mapValues(numbers)))) AS rate
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
    rows = store.rows(_TOUCHED + _RATES, {**bounds, "service": service, "features": features})
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


_RELEASES = """
SELECT min(Timestamp) AS first FROM otel_traces
WHERE ServiceName = {service:String} AND ResourceAttributes['service.version'] != ''
  AND Timestamp >= {start:DateTime64(9, 'UTC')} AND Timestamp < {end:DateTime64(9, 'UTC')}
GROUP BY ResourceAttributes['service.version'] ORDER BY first
"""


def since_release(store: Store, service: str, window: Window) -> Window | None:
    """The part of a window since the newest release of a service came; None where none came within it."""
    rows = store.rows(_RELEASES, {"service": service, "start": window.start, "end": window.end})
    return Window(instants.utc(rows[-1]["first"]), window.end) if len(rows) > 1 else None


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

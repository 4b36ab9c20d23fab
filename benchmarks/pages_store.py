"""A store of many models for `pages.py`: predictions, sketches, results, runs, incidents, labels and traces.

The engine makes the rows, by `INSERT … SELECT … FROM numbers()`. One model of 30 is wide (`--features`), all others
have 25 features, and the wide ones have a sixtieth of the predictions: 500 features of 20 million rows each would be 10
billion values, some 100 GB that no page reads, as pages read sketches and results, one a feature and hour, which every
model has for every window. So the full size is 0.66 billion values, about 6 GB. The sketches of one wide model and of
one that is not are made by the store's own views, as of rows that came from the collector; the rows and sketches of all
other models are theirs under other names, as the views take some 50 s of a processor for a wide model. A sixth of the
features are categories. Every window has six results a feature
and those of the model as a whole, and every tenth prediction has a label; the first day of the first model is its
baseline; a tenth of the models has an incident open, and some are over; the newest hour of the first model has traces.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from modelspan_analyzer.incidents.incident import OPEN, RESOLVED, Event, Incident, OpenFinding, Severity
from modelspan_analyzer.incidents.store import save
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

NARROW: Final = 25
"""Features of a model that is not wide."""
_WIDE_SHARE: Final = 30
"""One model of so many is wide ..."""
_WIDE_ROWS: Final = 60
"""... and one prediction of so many is of a wide model."""
_OPEN_SHARE: Final = 10
"""One model of so many has an incident open."""
_RUNS: Final = """
INSERT INTO monitor_runs (run_id, model, version, monitor, window_start, window_end, scheduled, started, ended, outcome)
WITH ['', 'data_drift', 'data_quality', 'performance', 'latency'] AS monitors
SELECT concat('r', toString(number)), concat('model-', toString(intDiv(number, 5 * {windows:UInt32}))), '1',
       monitors[number % 5 + 1],
       {end:DateTime('UTC')} - toIntervalHour(intDiv(number, 5) % {windows:UInt32} + 1) AS start,
       start + INTERVAL 1 HOUR AS over, over, over, over + INTERVAL 2 SECOND, 'done'
FROM numbers({models:UInt32} * {windows:UInt32} * 5)
"""
_OF_FEATURES: Final = """
INSERT INTO monitor_results
    (model, version, window_start, window_end, signal, metric, feature, value, threshold, direction, verdict, n,
     n_baseline, monitor, reason, details)
WITH ['psi', 'jensen_shannon_distance', 'wasserstein_distance', 'null_rate', 'out_of_range_rate',
      'type_error_rate'] AS metrics,
     metrics[number % 6 + 1] AS measured, intDiv(number, 6) % {features:UInt32} AS place,
     intDiv(number, 6 * {features:UInt32}) % {windows:UInt32} AS window
SELECT {model:String}, '1', {end:DateTime('UTC')} - toIntervalHour(window + 1) AS start, start + INTERVAL 1 HOUR,
       if(number % 6 < 3, 'data_drift', 'data_quality'), measured, concat('feature_', toString(place)),
       (cityHash64(number) % 1000) / 9000., 0.1, 'above', if((cityHash64(number) % 1000) > 990, 'alarm', 'ok'), 5000,
       4000, if(number % 6 < 3, 'data_drift', 'data_quality'), 'a sentence of a usual length that says why it is so',
       if(measured = 'psi', {details:String}, '{}')
FROM numbers({windows:UInt32} * {features:UInt32} * 6)
"""
_OF_MODELS: Final = """
INSERT INTO monitor_results
    (model, version, window_start, window_end, signal, metric, value, lower, upper, threshold, direction, verdict, n,
     n_baseline, monitor, reason)
WITH [('latency', 'p50'), ('latency', 'p95'), ('latency', 'p99'), ('performance', 'accuracy'), ('performance', 'f1'),
      ('performance', 'roc_auc'), ('performance', 'label_coverage'), ('estimation', 'estimated_accuracy'),
      ('data_quality', 'volume'), ('data_quality', 'error_rate')] AS metrics,
     metrics[number % 10 + 1] AS measured, intDiv(number, 10) % {windows:UInt32} AS window
SELECT concat('model-', toString(intDiv(number, 10 * {windows:UInt32}))), '1',
       {end:DateTime('UTC')} - toIntervalHour(window + 1) AS start, start + INTERVAL 1 HOUR, measured.1, measured.2,
       (cityHash64(number) % 1000) / 1000. AS given, given - 0.05, given + 0.05, 1.5, 'above', 'ok', 5000, 4000,
       measured.1, ''
FROM numbers({models:UInt32} * {windows:UInt32} * 10)
"""
_PREDICTIONS: Final = """
INSERT INTO predictions (model, version, service, timestamp, prediction_id, trace_id, span_id, value, label, duration,
                         numeric_features, categorical_features, tags)
SELECT {model:String}, '1', 'scoring',
       {start:DateTime('UTC')} + toIntervalMillisecond(intDiv(number * {milliseconds:UInt64}, {rows:UInt64})),
       concat({model:String}, '/', toString(number)), lower(hex(sipHash128({model:String}, number))),
       lower(hex(cityHash64({model:String}, number))), (cityHash64(number, 1) % 1000) / 1000. AS score,
       if(score > 0.5, 'yes', 'no'), 0.01 + score / 100,
       mapFromArrays({numbers:Array(String)},
                     arrayMap(i -> (cityHash64(number, i) % 1000) / 1000., range(length({numbers:Array(String)})))),
       mapFromArrays({texts:Array(String)},
                     arrayMap(i -> ['red', 'green', 'blue', 'grey', 'black'][cityHash64(number, i) % 5 + 1],
                              range(length({texts:Array(String)})))),
       map('country', ['DE', 'FR', 'IT'][number % 3 + 1])
FROM numbers({rows:UInt64})
SETTINGS max_block_size = {block:UInt64}, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0
"""
_SKETCHING: Final = (
    *(f"feature_profiles_{shape}" for shape in ("numeric", "categorical", "null", "prediction", "label", "rows")),
    "feature_profile_days_from_hours",
)
"""The views that make sketches of predictions."""
_COPIES: Final = (
    """
INSERT INTO predictions
SELECT * REPLACE (copy AS model, concat(copy, substring(prediction_id, length({of:String}) + 1)) AS prediction_id,
                  lower(hex(sipHash128(copy, trace_id))) AS trace_id)
FROM (SELECT * FROM predictions WHERE model = {of:String}) ARRAY JOIN {models:Array(String)} AS copy
""",
    *(
        f"INSERT INTO {table} SELECT * REPLACE (copy AS model) "
        f"FROM (SELECT * FROM {table} WHERE model = {{of:String}}) ARRAY JOIN {{models:Array(String)}} AS copy"
        for table in ("feature_profiles", "feature_profile_days")
    ),
)
_LABELS: Final = """
INSERT INTO labels (prediction_id, model, timestamp, label)
SELECT concat({model:String}, '/', toString(number * 10)), {model:String}, {end:DateTime('UTC')},
       if((cityHash64(number * 10, 1) % 1000) / 1000. + (cityHash64(number) % 100) / 500. > 0.6, 'yes', 'no')
FROM numbers({labels:UInt64})
"""
_TRACES: Final = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration)
SELECT timestamp + toIntervalMillisecond(2 * step), trace_id, if(step = 0, span_id, hex(cityHash64(span_id, step))),
       if(step = 0, '', span_id), ['predict', 'features', 'lookup', 'score', 'answer'][step + 1], 'Internal',
       ['scoring', 'store', 'store', 'scoring', 'scoring'][step + 1], 2000000 * (5 - step)
FROM predictions ARRAY JOIN range(5) AS step
WHERE model = 'model-0' AND timestamp >= {end:DateTime('UTC')} - INTERVAL 1 HOUR
"""
_DETAILS: Final = {
    "bins": [f"({place}, {place + 1}]" for place in range(10)] + ["(text or infinite)", "(missing)"],
    "baseline": [0.1] * 10 + [0.0, 0.0],
    "window": [0.08] * 10 + [0.0, 0.2],
    "importance": 0.5,
    "priority": 0.02,
}


@dataclass(frozen=True, slots=True)
class Size:
    """What a store is filled with."""

    models: int
    features: int
    windows: int
    predictions: int
    end: datetime

    @classmethod
    def of(cls, args: argparse.Namespace) -> Size:
        """As the command line says, up to this hour."""
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        return cls(args.models, args.features, args.windows, args.predictions, end)

    @property
    def wide(self) -> int:
        """Models with all features, the first ones."""
        return max(1, self.models // _WIDE_SHARE)

    def features_of(self, place: int) -> int:
        """Features of a model."""
        return self.features if place < self.wide else min(NARROW, self.features)

    def rows(self, place: int) -> int:
        """Predictions of a model."""
        of_wide = self.predictions // _WIDE_ROWS if self.models > self.wide else self.predictions
        if place < self.wide:
            return of_wide // self.wide
        return (self.predictions - of_wide) // (self.models - self.wide)


def fill(store: Store, size: Size) -> None:
    """All rows of all models."""
    given = {"windows": size.windows, "models": size.models, "end": size.end}
    store.command(_RUNS, given)
    store.command(_OF_MODELS, given)
    wide, narrow = range(size.wide), range(size.wide, size.models)
    for alike in filter(None, (wide, narrow)):
        _predictions(store, size, alike[0], given)
    for view in _SKETCHING:
        store.command(f"DETACH TABLE {view}")
    for alike in filter(None, (wide, narrow)):
        _copy(store, alike, 1 if alike is wide else 10)
    for view in reversed(_SKETCHING):
        store.command(f"ATTACH TABLE {view}")
    for place in range(size.models):
        asked = {"model": f"model-{place}", "features": size.features_of(place), "labels": size.rows(place) // 10}
        store.command(_OF_FEATURES, {**given, **asked, "details": json.dumps(_DETAILS)})
        store.command(_LABELS, {**given, **asked})
    store.command(_TRACES, given)
    start = size.end - timedelta(hours=size.windows)
    baselines.set_from_window(store, "model-0", "1", Window(start, start + timedelta(hours=min(24, size.windows // 2))))
    save(store, [_incident(size, number) for number in range(size.models)])


def _copy(store: Store, alike: range, at_once: int) -> None:
    """The predictions and sketches of the first of some models, under the names of the others."""
    others = [f"model-{place}" for place in alike[1:]]
    for first in range(0, len(others), at_once):
        for copy in _COPIES:
            store.command(copy, {"of": f"model-{alike[0]}", "models": others[first : first + at_once]})


def _predictions(store: Store, size: Size, place: int, given: Mapping[str, Any]) -> None:
    features, rows = size.features_of(place), size.rows(place)
    names = [f"feature_{number}" for number in range(features)]
    told = {
        "model": f"model-{place}",
        "start": size.end - timedelta(hours=size.windows),
        "milliseconds": size.windows * 3_600_000,
        "rows": rows,
        "numbers": [name for number, name in enumerate(names) if number % 6 != 5],
        "texts": [name for number, name in enumerate(names) if number % 6 == 5],
        "block": max(1, min(rows, 10_000_000 // features)),
    }
    store.command(_PREDICTIONS, {**given, **told})


def _incident(size: Size, number: int) -> Incident:
    """One of a model; one of ten is open."""
    at = size.end - timedelta(hours=1 + number % max(1, size.windows - 1))
    over = number % _OPEN_SHARE != 0
    title = f"feature_{number % NARROW} has more missing values"
    finding = OpenFinding("1", "data_quality", "null_rate", f"feature_{number % NARROW}", "", "data_quality", title, at)
    return Incident(
        incident_id=f"incident-{number}",
        model=f"model-{number}",
        version="1",
        status=RESOLVED if over else OPEN,
        severity=Severity.WARNING,
        signal="data_quality",
        title=title,
        why="what made these values differs from the rest by nothing that traces tell",
        cause="",
        owner="somebody",
        runbook="",
        began_at=at,
        opened_at=at,
        updated_at=at,
        resolved_at=at + timedelta(hours=1) if over else None,
        affected=120,
        findings=(finding,),
        severities=(Severity.WARNING,),
        news=(Event(at, "opened", title),),
    )

"""Where spans stand relative to the prediction: around it, within it, before it, or too late to be a cause."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from modelspan_analyzer.results import Window
from modelspan_analyzer.why.facts import CLOCK_TOLERANCE_MS, MARGIN
from modelspan_analyzer.why.sample import Sample, margin
from modelspan_analyzer.why.stretches import SLICE
from modelspan_collector.store.connect import Store

SELF, ANCESTOR, WITHIN, BEFORE, AFTER = "self", "ancestor", "within", "before", "after"
TRACES = 80
ROUNDED = 1_000
"""Nanoseconds that count for nothing: the stamps of a record are rounded."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the spans of one service and name usually stand."""

    relation: str
    end: float
    """Nanoseconds from the prediction's start to their end, in the median: what ends earlier is further upstream."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """One prediction as its record tells: the span that it was made in, and when (nanoseconds)."""

    span: str
    start: int
    end: int
    """As `start` where it is not known how long it took."""


_SPANS = """
SELECT TraceId AS trace, SpanId AS span, ParentSpanId AS parent,
       ServiceName::String AS service, SpanName::String AS name,
       toUnixTimestamp64Nano(Timestamp) AS start, Duration AS duration
FROM otel_traces
WHERE TraceId IN {traces:Array(String)}
  AND Timestamp >= {start:DateTime64(9, 'UTC')} AND Timestamp < {end:DateTime64(9, 'UTC')}
"""


def places(store: Store, sample: Sample, within: Window | None = None) -> Mapping[tuple[str, str], Place]:
    """The place of every service and span name, and of every service, from some traces of one busy stretch.

    Their spans are looked for near the predictions, or within a time that is given.
    """
    chosen = _choose(sample)
    if not len(chosen):
        return {}
    moments = sample.time[chosen]
    bounds = [
        datetime.fromtimestamp(edge, UTC) + shift for edge, shift in ((moments.min(), -MARGIN), (moments.max(), MARGIN))
    ]
    near = margin(within, MARGIN) if within else Window(*bounds)
    rows = store.rows(_SPANS, {"traces": sample.trace_ids[chosen].tolist(), "start": near.start, "end": near.end})
    own = {
        str(sample.trace_ids[at]): Predicted(
            str(sample.span_ids[at]), round(sample.time[at] * 1e9), round((sample.time[at] + sample.duration[at]) * 1e9)
        )
        for at in chosen
    }
    return locate(rows, own)


def _choose(sample: Sample) -> np.typing.NDArray[np.int64]:
    """Traces close together in time, half of them flagged ones, so that few parts of the store are read."""
    marks = sample.risk >= min(0.5, float(sample.risk.max(initial=0)) / 2)
    flagged = np.nonzero(marks)[0]
    if not len(flagged):
        return flagged
    buckets = (sample.time // SLICE).astype(np.int64)
    values, counts = np.unique(buckets[flagged], return_counts=True)
    here = np.nonzero(buckets == values[np.argmax(counts)])[0]
    marked = marks[here]
    return np.concatenate((here[marked][: TRACES // 2], here[~marked][: TRACES // 2]))


def locate(rows: Sequence[Mapping[str, Any]], own: Mapping[str, Predicted]) -> dict[tuple[str, str], Place]:
    """Place spans relative to each trace's prediction: by their parents, and by time where these do not tell.

    Args:
        rows: spans with trace, span, parent, service, name, start and duration (nanoseconds).
        own: the prediction of each trace.
    """
    traces: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        traces[row["trace"]].append(row)
    placed: dict[tuple[str, str], list[tuple[bool, str, float]]] = defaultdict(list)
    for trace, spans in traces.items():
        by_id = {span["span"]: span for span in spans}
        prediction = _prediction(own.get(trace), by_id)
        if prediction is None:
            continue
        around = _ancestors(prediction.span, by_id)
        for span in spans:
            credible = abs(span["start"] - prediction.start) < CLOCK_TOLERANCE_MS * 1_000_000
            relation = _relation(span, prediction, around, by_id)
            end = float(span["start"] + span["duration"] - prediction.start)
            placed[span["service"], span["name"]].append((credible, relation, end))
    found = {key: _usual(places) for key, places in placed.items()}
    return found | _services(found)


def _prediction(told: Predicted | None, by_id: Mapping[str, Mapping[str, Any]]) -> Predicted | None:
    """Where a prediction stands: its span's place, of a span that holds more than it the record's end; a prediction
    whose span is not there stands where the record says, if it says how long it took."""
    if told is None:
        return None
    span = by_id.get(told.span)
    if span is None:
        return told if told.end > told.start else None
    start, end = int(span["start"]), int(span["start"] + span["duration"])
    wider = told.start < told.end < end - ROUNDED
    return Predicted(told.span, start, told.end if wider else end)


def _usual(placed: Sequence[tuple[bool, str, float]]) -> Place:
    """The commonest relation and the median end: of the spans with a credible clock, where there are any."""
    counted = [one for one in placed if one[0]] or placed
    relation = Counter(relation for _, relation, _ in counted).most_common(1)[0][0]
    return Place(relation, float(np.median([end for _, _, end in counted])))


def _services(found: Mapping[tuple[str, str], Place]) -> dict[tuple[str, str], Place]:
    """The place of each service as a whole, under an empty span name: that of its earliest spans."""
    services: dict[tuple[str, str], Place] = {}
    for (service, _), place in sorted(found.items(), key=lambda item: item[1].end, reverse=True):
        known = services.get((service, ""))
        if known is None or place.relation != AFTER:
            services[service, ""] = Place(place.relation, place.end)
    return services


def _ancestors(span: str, by_id: Mapping[str, Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    parent = by_id[span]["parent"] if span in by_id else ""
    while parent in by_id and parent not in found:
        found.add(parent)
        parent = by_id[parent]["parent"]
    return found


def _relation(
    span: Mapping[str, Any], prediction: Predicted, around: set[str], by_id: Mapping[str, Mapping[str, Any]]
) -> str:
    own, start, end = by_id.get(prediction.span), span["start"], span["start"] + span["duration"]
    if own is None:  # by time alone
        if start <= prediction.start and end >= prediction.end:
            return ANCESTOR
        return AFTER if start >= prediction.end - ROUNDED else WITHIN if start >= prediction.start else BEFORE
    if span is own:
        return SELF
    if span["span"] in around:
        return ANCESTOR
    follows = bool(start >= prediction.end - ROUNDED)
    if prediction.span in _ancestors(span["span"], by_id):
        # a span that holds more than the prediction has children that follow it: a framework's answer is sent in it
        holds_more = prediction.end < own["start"] + own["duration"]
        return AFTER if follows and holds_more else WITHIN
    return AFTER if follows else BEFORE

"""What the traces say: facts, each with the sampled traces that show it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_analyzer.results import Window
from modelspan_analyzer.why.elsewhere import Elsewhere
from modelspan_analyzer.why.sample import Sample, margin
from modelspan_collector.store.connect import Store

MARGIN = timedelta(minutes=15)
"""How far a span may lie outside the window, because a trace is long or a clock is wrong."""
STEPS_PER_OCTAVE = 2
"""Durations and numbers are compared by half powers of two."""

CLOCK_TOLERANCE_MS = 10_000
"""A span stamped further than this from its prediction has a wrong clock, or belongs to a trace of hours."""
_ANY_CLOCK = 2**62
ASIDE = ("thread.id", "thread.name", "net.peer.port", "network.peer.port", "client.port", "process.pid")
"""Attributes that are drawn by lot; ids, recognised by their form, are set aside too."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a fact says, wherever it was seen."""

    kind: str
    """attribute, resource, status, duration, repeat, span, absent, event, log, clock, number, tag, version."""
    service: str
    span_name: str
    attribute: str = ""
    value: str = ""
    above: bool = True
    """For durations, numbers, repeats and clocks: whether the value is a lower bound (else an upper one)."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact and the positions, in the sample, of the traces that show it, each once."""

    key: Key
    traces: npt.NDArray[np.int64]
    trials: int = 1
    """Thresholds that were tried to find it."""


# The sample's hashes and times travel packed: a server takes no parameter beyond 128 KiB.
_PACKED = """
WITH range({n:UInt32}) AS numbers,
     arrayMap(i -> reinterpretAsUInt64(substring(base64Decode({hashes:String}), i * 8 + 1, 8)), numbers) AS hashes,
     arrayMap(i -> reinterpretAsUInt32(substring(base64Decode({times:String}), i * 4 + 1, 4)), numbers) AS times
"""
_SPANS = """
SELECT fact.1 AS kind, fact.2 AS service, fact.3 AS span_name, fact.4 AS attribute, fact.5 AS value,
       groupArray(h) AS traces
FROM
(
    SELECT h, arrayJoin(arrayConcat(
        [('span', service, name, '', ''),
         ('duration', service, name, '', toString(toInt32(floor({steps:UInt8} * log2(Duration + 1)))))],
        if(abs(late) >= {clock:UInt64}, [('offset', service, name, '', toString(toInt32(late)))], []),
        if(StatusCode = 'Error', [('status', service, name, 'Error', StatusMessage)], []),
        arrayMap(event -> ('event', service, name, event::String, ''), arrayDistinct(Events.Name)),
        arrayMap((attribute, value, number) -> if(
                isNull(number) OR length(value) <= 2 OR endsWith(attribute, 'status_code'),
                ('attribute', service, name, attribute, value),
                ('number', service, name, attribute,
                 toString(toInt32(sign(number) * floor({steps:UInt8} * log2(abs(number) + 1)))))),
            attributes, texts, arrayMap(value -> toFloat64OrNull(value), texts)),
        arrayMap((attribute, value) -> ('resource', service, '', attribute::String, value),
            ResourceAttributes.keys, ResourceAttributes.values))) AS fact
    FROM
    (
        SELECT cityHash64(TraceId) AS h, ServiceName::String AS service, SpanName::String AS name,
            Duration, StatusCode, StatusMessage, Events.Name, ResourceAttributes,
            arrayMap((attribute, value) -> NOT startsWith(attribute, 'modelspan.')
                    AND NOT has({aside:Array(String)}, attribute)
                    AND NOT (length(value) IN (16, 32, 36) AND match(value, '^[0-9a-f-]+$')),
                SpanAttributes.keys, SpanAttributes.values) AS wanted,
            arrayFilter((attribute, yes) -> yes, SpanAttributes.keys::Array(String), wanted) AS attributes,
            arrayFilter((value, yes) -> yes, SpanAttributes.values, wanted) AS texts,
            (toUnixTimestamp64Milli(Timestamp) - {origin:Int64}
                - transform(cityHash64(TraceId), hashes, times, toUInt32(0))) AS late
        FROM otel_traces
        WHERE Timestamp >= {start:DateTime64(9, 'UTC')} AND Timestamp < {end:DateTime64(9, 'UTC')}
          AND cityHash64(TraceId) IN (SELECT arrayJoin(hashes)) {restriction}
    )
)
GROUP BY kind, service, span_name, attribute, value
HAVING length(traces) >= {support:UInt32} OR kind IN ('duration', 'offset', 'number')
"""

_LOGS = """
SELECT 'log' AS kind, ServiceName::String AS service, '' AS span_name, SeverityText::String AS attribute,
    substring(replaceRegexpAll(Body, '[0-9a-fA-F]*[0-9][0-9a-fA-F]*', '#'), 1, 100) AS value,
    groupArray(cityHash64(TraceId)) AS traces
FROM otel_logs
WHERE Timestamp >= {start:DateTime64(9, 'UTC')} AND Timestamp < {end:DateTime64(9, 'UTC')}
  AND TraceId != '' AND cityHash64(TraceId) IN (SELECT arrayJoin(hashes)) {restriction}
  AND EventName NOT LIKE 'modelspan.%'
GROUP BY service, attribute, value
HAVING length(traces) >= {support:UInt32}
"""

_IN_SLICES = "AND toStartOfFiveMinutes(Timestamp) IN (SELECT toDateTime(arrayJoin({slices:Array(UInt32)}), 'UTC'))"

NUMERIC = ("duration", "offset", "number")


class TooSlowError(RuntimeError):
    """The store did not answer within the time given."""


class NoSpansError(RuntimeError):
    """Predictions name traces, and the store has none of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts are read from."""

    store: Store
    sample: Sample
    context: Window
    support: int
    """Traces that must show a fact (numbers: any)."""
    seconds: float
    elsewhere: Elsewhere | None = None
    """Where the spans are, if not near the predictions; then all of it is read, and no clock is compared."""

    def read(self) -> list[Fact]:
        """Every fact of the sampled traces.

        Raises:
            TooSlowError: a query took longer than so many seconds.
            NoSpansError: the traces are not in the store.
        """
        if not len(self.sample.hashes):
            return []
        found = self._query(_IN_SLICES if self.sample.slices and not self.elsewhere else "")
        if not found:
            raise NoSpansError(
                f"The store has no span of the {len(self.sample.hashes)} traces that these predictions name, at any "
                "time: send the services' spans to this collector too"
            )
        return [*found, *_predicted(self.sample)]

    def read_again(self, facts: Sequence[Fact], service: str) -> list[Fact]:
        """The same, but those of one service from all of the time: a wrong clock puts its spans into other slices.

        Raises:
            TooSlowError: a query took longer than so many seconds.
        """
        others = [fact for fact in facts if fact.key.service != service]
        return others + self._query("AND ServiceName = {service:String}", service)

    def _query(self, restriction: str, service: str = "") -> list[Fact]:
        sample = self.sample
        wide = margin(self.elsewhere.window if self.elsewhere else self.context, MARGIN)
        origin = float(sample.time.min())
        parameters = {
            "start": wide.start,
            "end": wide.end,
            "n": len(sample.hashes),
            "hashes": b64encode(sample.hashes.astype("<u8").tobytes()).decode(),
            "times": b64encode(np.round((sample.time - origin) * 1e3).astype("<u4").tobytes()).decode(),
            "origin": round(origin * 1e3),
            "support": self.support,
            "steps": STEPS_PER_OCTAVE,
            "clock": _ANY_CLOCK if self.elsewhere else CLOCK_TOLERANCE_MS,
            "aside": list(ASIDE),
            "slices": list(sample.slices),
            "service": service,
        }
        limit = f"\nSETTINGS max_execution_time = {float(self.seconds)}"
        try:
            tables = [
                self.store.arrow(_PACKED + statement.replace("{restriction}", restriction) + limit, parameters)
                for statement in (_SPANS, _LOGS)
            ]
        except DriverError as error:
            if "TIMEOUT_EXCEEDED" in str(error):
                raise TooSlowError(f"the traces could not be read within {self.seconds:g} s") from error
            raise
        return [fact for table in tables for fact in _facts(table, sample)]


def _facts(table: pa.Table, sample: Sample) -> list[Fact]:
    names = [table[name].to_pylist() for name in ("kind", "service", "span_name", "attribute", "value")]
    lists = table["traces"].combine_chunks()
    if not len(lists):
        return []
    offsets = lists.offsets.to_numpy()
    positions = np.searchsorted(sample.hashes, lists.values.to_numpy())
    return [
        Fact(Key(*name), positions[offsets[index] : offsets[index + 1]])
        for index, name in enumerate(zip(*names, strict=True))
    ]


def _predicted(sample: Sample) -> list[Fact]:
    """What the predictions themselves say: their tags and the version of their model."""
    versions = [
        Fact(Key("version", "", "", "model version", str(version)), np.nonzero(sample.version == version)[0])
        for version in np.unique(sample.version)
    ]
    lengths = np.diff(sample.tags.offsets.to_numpy())
    owner = np.repeat(np.arange(len(lengths)), lengths)
    pairs = pa.table({"key": sample.tags.keys.cast(pa.string()), "value": sample.tags.items})
    groups = pairs.append_column("owner", pa.array(owner)).group_by(["key", "value"]).aggregate([("owner", "list")])
    rows = zip(*(groups[name].to_pylist() for name in ("key", "value", "owner_list")), strict=True)
    return versions + [
        Fact(Key("tag", "", "", key, value), np.asarray(owners, np.int64)) for key, value, owners in rows
    ]

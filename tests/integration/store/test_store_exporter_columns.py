"""The stock clickhouseexporter of the OpenTelemetry Collector inserts by column name: every name and type it uses fits.

Column lists and types are those of the exporter's SQL templates (opentelemetry-collector-contrib,
exporter/clickhouseexporter, v0.150 and later).
"""

from __future__ import annotations

from modelspan_collector.store.connect import Store

STRINGS = "Map(LowCardinality(String), String)"
TRACES = f"""Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String,
SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
ResourceAttributes {STRINGS}, ScopeName String, ScopeVersion String, SpanAttributes {STRINGS}, Duration UInt64,
StatusCode LowCardinality(String), StatusMessage String, `Events.Timestamp` Array(DateTime64(9)),
`Events.Name` Array(LowCardinality(String)), `Events.Attributes` Array({STRINGS}), `Links.TraceId` Array(String),
`Links.SpanId` Array(String), `Links.TraceState` Array(String), `Links.Attributes` Array({STRINGS})"""
LOGS = f"""Timestamp DateTime64(9), TraceId String, SpanId String, TraceFlags UInt8,
SeverityText LowCardinality(String),
SeverityNumber UInt8, ServiceName LowCardinality(String), Body String, ResourceSchemaUrl LowCardinality(String),
ResourceAttributes {STRINGS}, ScopeSchemaUrl LowCardinality(String), ScopeName String,
ScopeVersion LowCardinality(String), ScopeAttributes {STRINGS}, LogAttributes {STRINGS}, EventName String"""
METRIC = f"""ResourceAttributes {STRINGS}, ResourceSchemaUrl String, ScopeName String, ScopeVersion String,
ScopeAttributes {STRINGS}, ScopeDroppedAttrCount UInt32, ScopeSchemaUrl String, ServiceName LowCardinality(String),
MetricName String, MetricDescription String, MetricUnit String, Attributes {STRINGS}, StartTimeUnix DateTime64(9),
TimeUnix DateTime64(9), Flags UInt32"""
EXEMPLARS = f"""`Exemplars.FilteredAttributes` Array({STRINGS}), `Exemplars.TimeUnix` Array(DateTime64(9)),
`Exemplars.Value` Array(Float64), `Exemplars.SpanId` Array(String), `Exemplars.TraceId` Array(String)"""
BUCKETS = "Count UInt64, Sum Float64, Min Float64, Max Float64, AggregationTemporality Int32"

TABLES = {
    "otel_traces": TRACES,
    "otel_logs": LOGS,
    "otel_metrics_gauge": f"{METRIC}, Value Float64, {EXEMPLARS}",
    "otel_metrics_sum": f"{METRIC}, Value Float64, AggregationTemporality Int32, IsMonotonic Boolean, {EXEMPLARS}",
    "otel_metrics_histogram": f"{METRIC}, {BUCKETS}, BucketCounts Array(UInt64), ExplicitBounds Array(Float64), "
    f"{EXEMPLARS}",
    "otel_metrics_exponential_histogram": f"{METRIC}, {BUCKETS}, Scale Int32, ZeroCount UInt64, PositiveOffset Int32, "
    f"PositiveBucketCounts Array(UInt64), NegativeOffset Int32, NegativeBucketCounts Array(UInt64), {EXEMPLARS}",
    "otel_metrics_summary": f"{METRIC}, Count UInt64, Sum Float64, `ValueAtQuantiles.Quantile` Array(Float64), "
    "`ValueAtQuantiles.Value` Array(Float64)",
}


def test_exporters_inserts_keep_every_value(store: Store) -> None:
    """Random rows of the exporter's own columns and types come back as they went in, table by table."""
    for table, structure in TABLES.items():
        time = "Timestamp" if "Timestamp DateTime64" in structure else "TimeUnix"
        store.command(f"CREATE TABLE sent ({structure}) ENGINE = Memory")
        names = [row["name"] for row in store.rows("DESCRIBE TABLE sent")]
        columns = ", ".join(f"`{name}`" for name in names)
        store.command(
            f"INSERT INTO sent SELECT * REPLACE (now64(9) + toIntervalNanosecond(rowNumberInAllBlocks()) AS {time}) "
            f"FROM generateRandom('{structure}', 7, 12, 1) WHERE {_nested_lengths_agree(names)} LIMIT 200"
        )
        assert store.scalar("SELECT count() FROM sent") == 200
        store.command(f"INSERT INTO {table} ({columns}) SELECT * FROM sent")
        assert store.scalar(f"SELECT count() FROM {table}") == 200
        for name in names:
            plain = f"arraySort(mapKeys(`{name}`))" if f"{name} Map" in structure else f"`{name}`"
            digest = f"SELECT groupBitXor(cityHash64({plain}, {time})) FROM"
            assert store.scalar(f"{digest} {table}") == store.scalar(f"{digest} sent"), f"{table}.{name}"
        store.command("DROP TABLE sent")


def _nested_lengths_agree(names: list[str]) -> str:
    """The arrays of a Nested column are of one length."""
    groups: dict[str, list[str]] = {}
    for name in names:
        if "." in name:
            groups.setdefault(name.split(".")[0], []).append(name)
    pairs = [(members[0], other) for members in groups.values() for other in members[1:]]
    return " AND ".join(f"length(`{first}`) = length(`{other}`)" for first, other in pairs) or "1"

-- Spans: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
-- Retention counts from arrival. History goes to yearly partitions, so that one insert meets some hundred of them at most.
CREATE TABLE IF NOT EXISTS otel_traces/*local*//**//*on_cluster*//**/
(
    Timestamp          DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TraceId            String CODEC(ZSTD(1)),
    SpanId             String CODEC(ZSTD(1)),
    ParentSpanId       String CODEC(ZSTD(1)),
    TraceState         String CODEC(ZSTD(1)),
    SpanName           LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind           LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName        LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName          String CODEC(ZSTD(1)),
    ScopeVersion       String CODEC(ZSTD(1)),
    SpanAttributes     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration           UInt64 CODEC(T64, ZSTD(1)),
    StatusCode         LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage      String CODEC(ZSTD(1)),
    Events Nested
    (
        Timestamp  DateTime64(9, 'UTC'),
        Name       LowCardinality(String),
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32
    ) CODEC(ZSTD(1)),
    Links Nested
    (
        TraceId    String,
        SpanId     String,
        TraceState String,
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32,
        Flags      UInt32
    ) CODEC(ZSTD(1)),
    ReceivedAt         DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    ScopeAttributes    Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    TraceFlags         UInt32 CODEC(ZSTD(1)),
    OriginalTimestamp  UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    ResourceSchemaUrl  LowCardinality(String) CODEC(ZSTD(1)),
    ResourceDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl     LowCardinality(String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    DroppedEventsCount UInt32 CODEC(ZSTD(1)),
    DroppedLinksCount  UInt32 CODEC(ZSTD(1)),
    -- Features of a prediction that are numbers: known for OTLP, inferred for rows that other writers insert.
    NumericFeatures    Array(LowCardinality(String)) DEFAULT if(mapContains(SpanAttributes, 'modelspan.model.name'),
        arrayFilter((name, text) -> startsWith(name, 'modelspan.feature.') AND isNotNull(toFloat64OrNull(text)),
            mapKeys(SpanAttributes), mapValues(SpanAttributes)), []) CODEC(ZSTD(1)),
    ResourceAttributeItems Array(String) ALIAS arrayMap((name, text) -> concat(name, '=', text), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)),
    SpanAttributeItems     Array(String) ALIAS arrayMap((name, text) -> concat(name, '=', text), mapKeys(SpanAttributes), mapValues(SpanAttributes)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
PARTITION BY if(toDate(Timestamp) + 30 >= toDate(ReceivedAt), toDate(Timestamp), toStartOfYear(Timestamp))
ORDER BY (ServiceName, toStartOfFiveMinutes(Timestamp), SpanName, Timestamp)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, /*window*/non_replicated_deduplication_window/**/ = 10000;

-- When each trace began and ended, to find its spans without a scan.
CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts/*local*//**//*on_cluster*//**/
(
    TraceId    String CODEC(ZSTD(1)),
    Start      SimpleAggregateFunction(min, DateTime('UTC')) CODEC(Delta(4), ZSTD(1)),
    End        SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta(4), ZSTD(1)),
    ReceivedAt SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(Delta(4), ZSTD(1))
)
ENGINE = /*replicated*//**/AggregatingMergeTree/*replica_only*//**/
PARTITION BY toStartOfMonth(ReceivedAt)
ORDER BY TraceId
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, /*window*/non_replicated_deduplication_window/**/ = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_trace_id_ts_mv/*to*/ TO /**/otel_traces_trace_id_ts/*local*//**/ AS
SELECT TraceId, min(toDateTime(Timestamp)) AS Start, max(toDateTime(Timestamp)) AS End, max(t.ReceivedAt) AS ReceivedAt
FROM otel_traces/*local*//**/ AS t
WHERE TraceId != ''
GROUP BY TraceId;

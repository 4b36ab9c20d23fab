-- Points of summaries: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_summary
(
    ResourceAttributes    Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl     String CODEC(ZSTD(1)),
    ScopeName             String CODEC(ZSTD(1)),
    ScopeVersion          String CODEC(ZSTD(1)),
    ScopeAttributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl        String CODEC(ZSTD(1)),
    ServiceName           LowCardinality(String) CODEC(ZSTD(1)),
    MetricName            LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription     String CODEC(ZSTD(1)),
    MetricUnit            String CODEC(ZSTD(1)),
    Attributes            Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix         DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix              DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Count                 UInt64 CODEC(ZSTD(1)),
    Sum                   Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested
    (
        Quantile Float64,
        Value    Float64
    ) CODEC(ZSTD(1)),
    Flags                 UInt32 CODEC(ZSTD(1)),
    ReceivedAt            DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    OriginalTimestamp     UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    ResourceDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    MetricMetadata        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_summary_from_otlp TO otel_metrics_summary AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql
SELECT
    ResourceAttributes,
    ResourceSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    ScopeDroppedAttrCount,
    ScopeSchemaUrl,
    ResourceAttributes['service.name'] AS ServiceName,
    name AS MetricName,
    description AS MetricDescription,
    unit AS MetricUnit,
    map_of(point.attributes) AS Attributes,
    fromUnixTimestamp64Nano(toInt64(point.start_time_unix_nano), 'UTC') AS StartTimeUnix,
    event_time(point.time_unix_nano, received) AS TimeUnix,
    point.count AS Count,
    point.sum AS Sum,
    point.quantile_values.quantile AS `ValueAtQuantiles.Quantile`,
    point.quantile_values.value AS `ValueAtQuantiles.Value`,
    point.flags AS Flags,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp,
    ResourceDroppedAttrCount,
    MetricMetadata
FROM otlp_metric
ARRAY JOIN summary.data_points AS point;

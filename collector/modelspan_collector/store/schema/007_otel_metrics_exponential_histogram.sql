-- Points of exponential histograms: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_exponential_histogram
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
    Scale                 Int32 CODEC(ZSTD(1)),
    ZeroCount             UInt64 CODEC(ZSTD(1)),
    PositiveOffset        Int32 CODEC(ZSTD(1)),
    PositiveBucketCounts  Array(UInt64) CODEC(ZSTD(1)),
    NegativeOffset        Int32 CODEC(ZSTD(1)),
    NegativeBucketCounts  Array(UInt64) CODEC(ZSTD(1)),
    Min                   Float64 CODEC(ZSTD(1)),
    Max                   Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    Flags                 UInt32 CODEC(ZSTD(1)),
    Exemplars Nested
    (
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix           DateTime64(9, 'UTC'),
        Value              Float64,
        SpanId             String,
        TraceId            String
    ) CODEC(ZSTD(1)),
    ReceivedAt            DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    OriginalTimestamp     UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    ResourceDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    MetricMetadata        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ZeroThreshold         Float64 CODEC(ZSTD(1)),
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_exponential_histogram_from_otlp TO otel_metrics_exponential_histogram AS
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
    point.scale AS Scale,
    point.zero_count AS ZeroCount,
    point.positive.offset AS PositiveOffset,
    point.positive.bucket_counts AS PositiveBucketCounts,
    point.negative.offset AS NegativeOffset,
    point.negative.bucket_counts AS NegativeBucketCounts,
    point.min AS Min,
    point.max AS Max,
    exponential_histogram.aggregation_temporality AS AggregationTemporality,
    point.flags AS Flags,
    arrayMap(e -> map_of(e.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano), 'UTC'), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> if(e.value = 'as_int', toFloat64(e.as_int), e.as_double), point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS `Exemplars.TraceId`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp,
    ResourceDroppedAttrCount,
    MetricMetadata,
    point.zero_threshold AS ZeroThreshold
FROM otlp_metric
ARRAY JOIN exponential_histogram.data_points AS point;

-- Points of exponential histograms: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_exponential_histogram/*local*//**//*on_cluster*//**/
(
    -- include metric_columns.sql,
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
    -- include metric_exemplar_columns.sql,
    -- include metric_arrival_columns.sql,
    ZeroThreshold         Float64 CODEC(ZSTD(1)),
    -- include metric_indexes.sql
)
-- include metric_engine.sql;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_exponential_histogram_from_otlp/*to*/ TO /**/otel_metrics_exponential_histogram AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql
SELECT
    -- include metric_values.sql,
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
    -- include metric_exemplar_values.sql,
    -- include metric_arrival_values.sql,
    point.zero_threshold AS ZeroThreshold
FROM otlp_metric
ARRAY JOIN exponential_histogram.data_points AS point;

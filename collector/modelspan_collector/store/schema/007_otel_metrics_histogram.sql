-- Points of histograms: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_histogram/*local*//**//*on_cluster*//**/
(
    -- include metric_columns.sql,
    Count                 UInt64 CODEC(ZSTD(1)),
    Sum                   Float64 CODEC(ZSTD(1)),
    BucketCounts          Array(UInt64) CODEC(ZSTD(1)),
    ExplicitBounds        Array(Float64) CODEC(ZSTD(1)),
    Min                   Float64 CODEC(ZSTD(1)),
    Max                   Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    Flags                 UInt32 CODEC(ZSTD(1)),
    -- include metric_exemplar_columns.sql,
    -- include metric_arrival_columns.sql,
    -- include metric_indexes.sql
)
-- include metric_engine.sql;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_histogram_from_otlp/*to*/ TO /**/otel_metrics_histogram AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql
SELECT
    -- include metric_values.sql,
    point.count AS Count,
    point.sum AS Sum,
    point.bucket_counts AS BucketCounts,
    point.explicit_bounds AS ExplicitBounds,
    point.min AS Min,
    point.max AS Max,
    histogram.aggregation_temporality AS AggregationTemporality,
    point.flags AS Flags,
    -- include metric_exemplar_values.sql,
    -- include metric_arrival_values.sql
FROM otlp_metric
ARRAY JOIN histogram.data_points AS point;

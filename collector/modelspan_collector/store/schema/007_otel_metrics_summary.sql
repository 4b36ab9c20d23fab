-- Points of summaries: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_summary/*local*//**//*on_cluster*//**/
(
    -- include metric_columns.sql,
    Count                 UInt64 CODEC(ZSTD(1)),
    Sum                   Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested
    (
        Quantile Float64,
        Value    Float64
    ) CODEC(ZSTD(1)),
    Flags                 UInt32 CODEC(ZSTD(1)),
    -- include metric_arrival_columns.sql,
    -- include metric_indexes.sql
)
-- include metric_engine.sql;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_summary_from_otlp/*to*/ TO /**/otel_metrics_summary AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql
SELECT
    -- include metric_values.sql,
    point.count AS Count,
    point.sum AS Sum,
    point.quantile_values.quantile AS `ValueAtQuantiles.Quantile`,
    point.quantile_values.value AS `ValueAtQuantiles.Value`,
    point.flags AS Flags,
    -- include metric_arrival_values.sql
FROM otlp_metric
ARRAY JOIN summary.data_points AS point;

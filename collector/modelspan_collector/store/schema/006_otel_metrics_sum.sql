-- Points of sums: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_sum/*local*//**//*on_cluster*//**/
(
    -- include metric_columns.sql,
    Value                 Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    IsMonotonic           Bool CODEC(ZSTD(1)),
    Flags                 UInt32 CODEC(ZSTD(1)),
    -- include metric_exemplar_columns.sql,
    -- include metric_arrival_columns.sql,
    -- include metric_indexes.sql
)
-- include metric_engine.sql;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_sum_from_otlp/*to*/ TO /**/otel_metrics_sum AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql
SELECT
    -- include metric_values.sql,
    if(point.value = 'as_int', toFloat64(point.as_int), point.as_double) AS Value,
    sum.aggregation_temporality AS AggregationTemporality,
    sum.is_monotonic AS IsMonotonic,
    point.flags AS Flags,
    -- include metric_exemplar_values.sql,
    -- include metric_arrival_values.sql
FROM otlp_metric
ARRAY JOIN sum.data_points AS point;

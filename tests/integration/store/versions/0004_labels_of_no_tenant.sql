-- What `modelspan schema print` said at schema version 4, before labels and cards were kept by tenant.
-- Which version of the schema this database has, and how it got there: one row a step.
CREATE TABLE IF NOT EXISTS schema_migrations
(
    version    UInt32,
    name       String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version;

-- Generated: python -m modelspan_collector.write.otlp_shape. OTLP requests pass through these tables and leave no row.
CREATE TABLE IF NOT EXISTS otlp_traces
(
    `resource` Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32),
    `schema_url` LowCardinality(String),
    `scope_spans.scope` Tuple(name String, version String, attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32),
    `scope_spans.schema_url` LowCardinality(String),
    `scope_spans.spans.trace_id` Array(String),
    `scope_spans.spans.span_id` Array(String),
    `scope_spans.spans.trace_state` Array(String),
    `scope_spans.spans.parent_span_id` Array(String),
    `scope_spans.spans.flags` Array(UInt32),
    `scope_spans.spans.name` Array(String),
    `scope_spans.spans.kind` Array(Int32),
    `scope_spans.spans.start_time_unix_nano` Array(UInt64),
    `scope_spans.spans.end_time_unix_nano` Array(UInt64),
    `scope_spans.spans.attributes` Array(Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String)))),
    `scope_spans.spans.dropped_attributes_count` Array(UInt32),
    `scope_spans.spans.events` Array(Array(Tuple(time_unix_nano UInt64, name String, attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32))),
    `scope_spans.spans.dropped_events_count` Array(UInt32),
    `scope_spans.spans.links` Array(Array(Tuple(trace_id String, span_id String, trace_state String, attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32, flags UInt32))),
    `scope_spans.spans.dropped_links_count` Array(UInt32),
    `scope_spans.spans.status` Array(Tuple(message String, code Int32)),
    `received` UInt64,
    `tenant` String
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS otlp_metrics
(
    `resource` Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32),
    `schema_url` LowCardinality(String),
    `scope_metrics.scope` Tuple(name String, version String, attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32),
    `scope_metrics.schema_url` LowCardinality(String),
    `scope_metrics.metrics.name` Array(String),
    `scope_metrics.metrics.description` Array(String),
    `scope_metrics.metrics.unit` Array(LowCardinality(String)),
    `scope_metrics.metrics.gauge` Array(Tuple(data_points Array(Tuple(value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, as_double Float64, as_int Int64, exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), flags UInt32)))),
    `scope_metrics.metrics.sum` Array(Tuple(data_points Array(Tuple(value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, as_double Float64, as_int Int64, exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), flags UInt32)), aggregation_temporality Int32, is_monotonic Bool)),
    `scope_metrics.metrics.histogram` Array(Tuple(data_points Array(Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, bucket_counts Array(UInt64), explicit_bounds Array(Float64), exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), flags UInt32, min Float64, max Float64)), aggregation_temporality Int32)),
    `scope_metrics.metrics.exponential_histogram` Array(Tuple(data_points Array(Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, scale Int32, zero_count UInt64, positive Tuple(offset Int32, bucket_counts Array(UInt64)), negative Tuple(offset Int32, bucket_counts Array(UInt64)), flags UInt32, exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), min Float64, max Float64, zero_threshold Float64)), aggregation_temporality Int32)),
    `scope_metrics.metrics.summary` Array(Tuple(data_points Array(Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, quantile_values Array(Tuple(quantile Float64, value Float64)), flags UInt32)))),
    `scope_metrics.metrics.metadata` Array(Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String)))),
    `received` UInt64,
    `tenant` String
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS otlp_logs
(
    `resource` Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32),
    `schema_url` LowCardinality(String),
    `scope_logs.scope` Tuple(name String, version String, attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), dropped_attributes_count UInt32),
    `scope_logs.schema_url` LowCardinality(String),
    `scope_logs.log_records.time_unix_nano` Array(UInt64),
    `scope_logs.log_records.observed_time_unix_nano` Array(UInt64),
    `scope_logs.log_records.severity_number` Array(Int32),
    `scope_logs.log_records.severity_text` Array(LowCardinality(String)),
    `scope_logs.log_records.body` Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String)),
    `scope_logs.log_records.attributes` Array(Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String)))),
    `scope_logs.log_records.dropped_attributes_count` Array(UInt32),
    `scope_logs.log_records.flags` Array(UInt32),
    `scope_logs.log_records.trace_id` Array(String),
    `scope_logs.log_records.span_id` Array(String),
    `scope_logs.log_records.event_name` Array(LowCardinality(String)),
    `received` UInt64,
    `tenant` String
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS otlp_metric
(
    `received` UInt64,
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ResourceSchemaUrl` String,
    `ScopeName` String,
    `ScopeVersion` String,
    `ScopeAttributes` Map(LowCardinality(String), String),
    `ScopeDroppedAttrCount` UInt32,
    `ScopeSchemaUrl` String,
    `ResourceDroppedAttrCount` UInt32,
    `MetricMetadata` Map(LowCardinality(String), String),
    `name` String,
    `description` String,
    `unit` LowCardinality(String),
    `gauge` Tuple(data_points Array(Tuple(value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, as_double Float64, as_int Int64, exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), flags UInt32))),
    `sum` Tuple(data_points Array(Tuple(value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, as_double Float64, as_int Int64, exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), flags UInt32)), aggregation_temporality Int32, is_monotonic Bool),
    `histogram` Tuple(data_points Array(Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, bucket_counts Array(UInt64), explicit_bounds Array(Float64), exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), flags UInt32, min Float64, max Float64)), aggregation_temporality Int32),
    `exponential_histogram` Tuple(data_points Array(Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, scale Int32, zero_count UInt64, positive Tuple(offset Int32, bucket_counts Array(UInt64)), negative Tuple(offset Int32, bucket_counts Array(UInt64)), flags UInt32, exemplars Array(Tuple(value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), filtered_attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), time_unix_nano UInt64, as_double Float64, as_int Int64, span_id String, trace_id String)), min Float64, max Float64, zero_threshold Float64)), aggregation_temporality Int32),
    `summary` Tuple(data_points Array(Tuple(attributes Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value Tuple(values Array(Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String))), kvlist_value Tuple(values Array(Tuple(key LowCardinality(String), value Tuple(value Enum8('none' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7), string_value String, bool_value Bool, int_value Int64, double_value Float64, array_value String, kvlist_value String, bytes_value String)))), bytes_value String))), start_time_unix_nano UInt64, time_unix_nano UInt64, count UInt64, sum Float64, quantile_values Array(Tuple(quantile Float64, value Float64)), flags UInt32)))
)
ENGINE = Null;

-- Spans: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
-- Retention counts from arrival. History goes to yearly partitions, so that one insert meets some hundred of them at most.
CREATE TABLE IF NOT EXISTS otel_traces
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
ENGINE = MergeTree
PARTITION BY if(toDate(Timestamp) + 30 >= toDate(ReceivedAt), toDate(Timestamp), toStartOfYear(Timestamp))
ORDER BY (ServiceName, toStartOfFiveMinutes(Timestamp), SpanName, Timestamp)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- When each trace began and ended, to find its spans without a scan.
CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts
(
    TraceId    String CODEC(ZSTD(1)),
    Start      SimpleAggregateFunction(min, DateTime('UTC')) CODEC(Delta(4), ZSTD(1)),
    End        SimpleAggregateFunction(max, DateTime('UTC')) CODEC(Delta(4), ZSTD(1)),
    ReceivedAt SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now() CODEC(Delta(4), ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(ReceivedAt)
ORDER BY TraceId
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_trace_id_ts_mv TO otel_traces_trace_id_ts AS
SELECT TraceId, min(toDateTime(Timestamp)) AS Start, max(toDateTime(Timestamp)) AS End, max(t.ReceivedAt) AS ReceivedAt
FROM otel_traces AS t
WHERE TraceId != ''
GROUP BY TraceId;

-- From OTLP to spans.
CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_from_otlp TO otel_traces AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time,
    arrayMap(attributes -> map_of(attributes), arrayConcat(events.attributes, links.attributes)) AS event_and_link_maps
SELECT
    event_time(start_time_unix_nano, received) AS Timestamp,
    lower(hex(trace_id)) AS TraceId,
    lower(hex(span_id)) AS SpanId,
    lower(hex(parent_span_id)) AS ParentSpanId,
    trace_state AS TraceState,
    name AS SpanName,
    transform(kind, [1, 2, 3, 4, 5], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS SpanKind,
    resource_attributes['service.name'] AS ServiceName,
    resource_attributes AS ResourceAttributes,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    map_of(attributes) AS SpanAttributes,
    if(end_time_unix_nano > start_time_unix_nano, end_time_unix_nano - start_time_unix_nano, 0) AS Duration,
    transform(status.code, [1, 2], ['Ok', 'Error'], 'Unset') AS StatusCode,
    status.message AS StatusMessage,
    arrayMap(sent -> fromUnixTimestamp64Nano(toInt64(sent), 'UTC'), events.time_unix_nano) AS `Events.Timestamp`,
    events.name AS `Events.Name`,
    arraySlice(event_and_link_maps, 1, length(events.name)) AS `Events.Attributes`,
    events.dropped_attributes_count AS `Events.DroppedAttributesCount`,
    arrayMap(id -> lower(hex(id)), links.trace_id) AS `Links.TraceId`,
    arrayMap(id -> lower(hex(id)), links.span_id) AS `Links.SpanId`,
    links.trace_state AS `Links.TraceState`,
    arraySlice(event_and_link_maps, length(events.name) + 1) AS `Links.Attributes`,
    links.dropped_attributes_count AS `Links.DroppedAttributesCount`,
    links.flags AS `Links.Flags`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    scope_attributes AS ScopeAttributes,
    flags AS TraceFlags,
    if(is_wild(start_time_unix_nano, received), start_time_unix_nano, 0) AS OriginalTimestamp,
    resource_schema_url AS ResourceSchemaUrl,
    resource_dropped_attributes_count AS ResourceDroppedAttrCount,
    scope_schema_url AS ScopeSchemaUrl,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    dropped_attributes_count AS DroppedAttributesCount,
    dropped_events_count AS DroppedEventsCount,
    dropped_links_count AS DroppedLinksCount,
    if(has(attributes.key, 'modelspan.model.name'),
        arrayMap(a -> a.key, arrayFilter(a -> startsWith(a.key, 'modelspan.feature.') AND a.value.value IN ('int_value', 'double_value', 'none'),
            attributes)), []) AS NumericFeatures
FROM
(
    SELECT
        received,
        arrayMap(attributes -> map_of(attributes), [resource.attributes, scope_spans.scope.attributes]) AS maps,
        maps[1] AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        resource.dropped_attributes_count AS resource_dropped_attributes_count,
        schema_url AS resource_schema_url,
        scope_spans.scope.name AS scope_name,
        scope_spans.scope.version AS scope_version,
        maps[2] AS scope_attributes,
        scope_spans.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_spans.schema_url AS scope_schema_url,
        COLUMNS('^scope_spans[.]spans[.]')
    FROM otlp_traces
)
ARRAY JOIN
    scope_spans.spans.trace_id AS trace_id,
    scope_spans.spans.span_id AS span_id,
    scope_spans.spans.trace_state AS trace_state,
    scope_spans.spans.parent_span_id AS parent_span_id,
    scope_spans.spans.flags AS flags,
    scope_spans.spans.name AS name,
    scope_spans.spans.kind AS kind,
    scope_spans.spans.start_time_unix_nano AS start_time_unix_nano,
    scope_spans.spans.end_time_unix_nano AS end_time_unix_nano,
    scope_spans.spans.attributes AS attributes,
    scope_spans.spans.dropped_attributes_count AS dropped_attributes_count,
    scope_spans.spans.events AS events,
    scope_spans.spans.dropped_events_count AS dropped_events_count,
    scope_spans.spans.links AS links,
    scope_spans.spans.dropped_links_count AS dropped_links_count,
    scope_spans.spans.status AS status;

-- Log records: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_logs
(
    Timestamp          DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimestampTime      DateTime('UTC') DEFAULT toDateTime(Timestamp),
    TraceId            String CODEC(ZSTD(1)),
    SpanId             String CODEC(ZSTD(1)),
    TraceFlags         UInt8,
    SeverityText       LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber     UInt8,
    ServiceName        LowCardinality(String) CODEC(ZSTD(1)),
    Body               String CODEC(ZSTD(1)),
    ResourceSchemaUrl  LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl     LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName          String CODEC(ZSTD(1)),
    ScopeVersion       LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes    Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes      Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName          String CODEC(ZSTD(1)),
    ReceivedAt         DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    OriginalTimestamp  UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    ObservedTimestamp  DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ResourceDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = MergeTree
PARTITION BY if(toDate(Timestamp) + 30 >= toDate(ReceivedAt), toDate(Timestamp), toStartOfYear(Timestamp))
ORDER BY (ServiceName, toStartOfFiveMinutes(Timestamp), Timestamp)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_logs_from_otlp TO otel_logs AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time,
    if(time_unix_nano != 0, time_unix_nano, observed_time_unix_nano) AS sent
SELECT
    event_time(sent, received) AS Timestamp,
    lower(hex(trace_id)) AS TraceId,
    lower(hex(span_id)) AS SpanId,
    toUInt8(bitAnd(flags, 255)) AS TraceFlags,
    severity_text AS SeverityText,
    toUInt8(bitAnd(severity_number, 255)) AS SeverityNumber,
    resource_attributes['service.name'] AS ServiceName,
    text_of(body) AS Body,
    resource_schema_url AS ResourceSchemaUrl,
    resource_attributes AS ResourceAttributes,
    scope_schema_url AS ScopeSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    map_of(attributes) AS LogAttributes,
    event_name AS EventName,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(sent, received), sent, 0) AS OriginalTimestamp,
    fromUnixTimestamp64Nano(toInt64(observed_time_unix_nano), 'UTC') AS ObservedTimestamp,
    resource_dropped_attributes_count AS ResourceDroppedAttrCount,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    dropped_attributes_count AS DroppedAttributesCount
FROM
(
    SELECT
        received,
        arrayMap(attributes -> map_of(attributes), [resource.attributes, scope_logs.scope.attributes]) AS maps,
        maps[1] AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        resource.dropped_attributes_count AS resource_dropped_attributes_count,
        schema_url AS resource_schema_url,
        scope_logs.scope.name AS scope_name,
        scope_logs.scope.version AS scope_version,
        maps[2] AS scope_attributes,
        scope_logs.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_logs.schema_url AS scope_schema_url,
        COLUMNS('^scope_logs[.]log_records[.]')
    FROM otlp_logs
)
ARRAY JOIN
    scope_logs.log_records.time_unix_nano AS time_unix_nano,
    scope_logs.log_records.observed_time_unix_nano AS observed_time_unix_nano,
    scope_logs.log_records.severity_number AS severity_number,
    scope_logs.log_records.severity_text AS severity_text,
    scope_logs.log_records.body AS body,
    scope_logs.log_records.attributes AS attributes,
    scope_logs.log_records.dropped_attributes_count AS dropped_attributes_count,
    scope_logs.log_records.flags AS flags,
    scope_logs.log_records.trace_id AS trace_id,
    scope_logs.log_records.span_id AS span_id,
    scope_logs.log_records.event_name AS event_name;

-- From a metrics request to its metrics, one a row; the views of the five kinds read on from there.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_metric_from_otlp TO otlp_metric AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of
SELECT
    received,
    resource_attributes AS ResourceAttributes,
    resource_schema_url AS ResourceSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    scope_schema_url AS ScopeSchemaUrl,
    resource_dropped_attributes_count AS ResourceDroppedAttrCount,
    map_of(metadata) AS MetricMetadata,
    name,
    description,
    unit,
    gauge,
    sum,
    histogram,
    exponential_histogram,
    summary
FROM
(
    SELECT
        received,
        arrayMap(attributes -> map_of(attributes), [resource.attributes, scope_metrics.scope.attributes]) AS maps,
        maps[1] AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        resource.dropped_attributes_count AS resource_dropped_attributes_count,
        schema_url AS resource_schema_url,
        scope_metrics.scope.name AS scope_name,
        scope_metrics.scope.version AS scope_version,
        maps[2] AS scope_attributes,
        scope_metrics.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_metrics.schema_url AS scope_schema_url,
        COLUMNS('^scope_metrics[.]metrics[.]')
    FROM otlp_metrics
)
ARRAY JOIN
    scope_metrics.metrics.name AS name,
    scope_metrics.metrics.description AS description,
    scope_metrics.metrics.unit AS unit,
    scope_metrics.metrics.gauge AS gauge,
    scope_metrics.metrics.sum AS sum,
    scope_metrics.metrics.histogram AS histogram,
    scope_metrics.metrics.exponential_histogram AS exponential_histogram,
    scope_metrics.metrics.summary AS summary,
    scope_metrics.metrics.metadata AS metadata;

-- Points of gauge measurements: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_gauge
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
    Value                 Float64 CODEC(ZSTD(1)),
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
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_gauge_from_otlp TO otel_metrics_gauge AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
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
    if(point.value = 'as_int', toFloat64(point.as_int), point.as_double) AS Value,
    point.flags AS Flags,
    arrayMap(e -> map_of(e.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano), 'UTC'), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> if(e.value = 'as_int', toFloat64(e.as_int), e.as_double), point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS `Exemplars.TraceId`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp,
    ResourceDroppedAttrCount,
    MetricMetadata
FROM otlp_metric
ARRAY JOIN gauge.data_points AS point;

-- Points of sums: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_sum
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
    Value                 Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    IsMonotonic           Bool CODEC(ZSTD(1)),
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
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_sum_from_otlp TO otel_metrics_sum AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
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
    if(point.value = 'as_int', toFloat64(point.as_int), point.as_double) AS Value,
    sum.aggregation_temporality AS AggregationTemporality,
    sum.is_monotonic AS IsMonotonic,
    point.flags AS Flags,
    arrayMap(e -> map_of(e.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano), 'UTC'), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> if(e.value = 'as_int', toFloat64(e.as_int), e.as_double), point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS `Exemplars.TraceId`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp,
    ResourceDroppedAttrCount,
    MetricMetadata
FROM otlp_metric
ARRAY JOIN sum.data_points AS point;

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
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
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

-- Points of histograms: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_histogram
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
    BucketCounts          Array(UInt64) CODEC(ZSTD(1)),
    ExplicitBounds        Array(Float64) CODEC(ZSTD(1)),
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
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_histogram_from_otlp TO otel_metrics_histogram AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
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
    point.bucket_counts AS BucketCounts,
    point.explicit_bounds AS ExplicitBounds,
    point.min AS Min,
    point.max AS Max,
    histogram.aggregation_temporality AS AggregationTemporality,
    point.flags AS Flags,
    arrayMap(e -> map_of(e.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano), 'UTC'), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> if(e.value = 'as_int', toFloat64(e.as_int), e.as_double), point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS `Exemplars.TraceId`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp,
    ResourceDroppedAttrCount,
    MetricMetadata
FROM otlp_metric
ARRAY JOIN histogram.data_points AS point;

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
    -- A value as text: strings as they are, lists and maps as JSON. What lies deeper than the columns reach is
    -- refused; the writer then spells such values out itself (write/deep.py).
    -- A list and a map are read by one expression, one half of which is empty: the engine analyses all of this for every
    -- insert.
    v -> v.value IN ('array_value', 'kvlist_value') AS is_nested,
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    (v, members) -> concat(if(v.value = 'array_value', '[', '{'),
        arrayStringConcat(arrayMap((name, member) -> concat(name, member), arrayConcat(
            arrayWithConstant(length(v.array_value.values), ''),
            arrayMap(key -> concat(toJSONString(key), ':'), v.kvlist_value.values.key)), members), ','),
        if(v.value = 'array_value', ']', '}')) AS json_of_nested,
    v -> arrayConcat(v.array_value.values, v.kvlist_value.values.value) AS members_of,
    v -> if(throwIf(is_nested(v), 'an attribute is nested too deeply') = 0, json_of_scalar(v), '') AS json_of,
    v -> multiIf(
        is_nested(v), json_of_nested(v, arrayMap(x -> json_of(x), members_of(v))),
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
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

-- One row a prediction: from prediction records, and from spans that follow the conventions.
-- The five-minute bucket leads the time order, so that reads of the newest rows stay in key order. Retention counts from
-- arrival, so that a replayed history of years ago is kept as long as fresh rows are.
CREATE TABLE IF NOT EXISTS predictions
(
    model                LowCardinality(String),
    version              LowCardinality(String),
    role                 LowCardinality(String) DEFAULT 'primary',                        -- primary, shadow
    service              LowCardinality(String),                                          -- `service.name` of the process that predicted
    timestamp            DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),                   -- event time: when it was predicted
    received_at          DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),  -- when it came; retention counts from here
    prediction_id        String CODEC(ZSTD(1)),                                           -- as the service gave it, or made by the SDK
    trace_id             String CODEC(ZSTD(1)),                                           -- joins otel_traces; '' where there was no span
    span_id              String CODEC(ZSTD(1)),
    value                Nullable(Float64) CODEC(ZSTD(1)),                                -- the number, or the score of the class
    label                LowCardinality(String),                                          -- the class that was predicted; '' where a number was
    scores               Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),             -- of each class
    duration             Nullable(Float64) CODEC(ZSTD(1)),                                -- seconds
    error_type           LowCardinality(String),                                          -- class of the exception; '' where it answered
    sample_weight        Float64 DEFAULT 1 CODEC(ZSTD(1)),                                -- how many predictions this row stands for
    numeric_features     Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),             -- numbers, by name
    categorical_features Map(LowCardinality(String), String) CODEC(ZSTD(1)),              -- categories as text, by name
    null_features        Array(LowCardinality(String)) CODEC(ZSTD(1)),                    -- names of those without a value
    embeddings           Map(LowCardinality(String), Array(Float32)) CODEC(ZSTD(1)),      -- vectors, by name
    attributions         Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),             -- of the features
    tags                 Map(LowCardinality(String), String) CODEC(ZSTD(1)),              -- segments, which are no features
    INDEX prediction_id_bloom prediction_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toMonday(timestamp)
ORDER BY (model, toStartOfFiveMinutes(timestamp), version, timestamp, prediction_id)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

-- What was true in the end. Labels come late and are corrected: the newest `timestamp` for a prediction wins.
CREATE TABLE IF NOT EXISTS labels
(
    prediction_id String,                 -- of `predictions`
    model         LowCardinality(String),
    timestamp     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)), -- when it became known; the newest counts
    received_at   DateTime64(3, 'UTC') DEFAULT now64(3), -- when it came; retention counts from here
    value         Nullable(Float64),      -- a number that was true; NULL where a class was
    label         LowCardinality(String)  -- a class that was true; '' where a number was
)
ENGINE = ReplacingMergeTree(timestamp)
ORDER BY (prediction_id)
TTL toDateTime(received_at) + INTERVAL 365 DAY
SETTINGS index_granularity = 8192, non_replicated_deduplication_window = 10000;

-- The rows of a baseline: the shape of predictions, plus the true label where it is known.
CREATE TABLE IF NOT EXISTS reference_predictions
(
    baseline_id          String,
    model                LowCardinality(String),
    version              LowCardinality(String),
    timestamp            DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    prediction_id        String CODEC(ZSTD(1)),
    value                Nullable(Float64) CODEC(ZSTD(1)),
    label                LowCardinality(String),
    scores               Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    true_value           Nullable(Float64) CODEC(ZSTD(1)),
    true_label           LowCardinality(String),
    sample_weight        Float64 DEFAULT 1 CODEC(ZSTD(1)),
    numeric_features     Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    categorical_features Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    null_features        Array(LowCardinality(String)) CODEC(ZSTD(1)),
    embeddings           Map(LowCardinality(String), Array(Float32)) CODEC(ZSTD(1)),
    attributions         Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    tags                 Map(LowCardinality(String), String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (model, baseline_id, timestamp, prediction_id)
SETTINGS index_granularity = 8192, non_replicated_deduplication_window = 1000;

-- Model cards: what `modelspan.register` says of a version. The newest card of a version wins.
CREATE TABLE IF NOT EXISTS models
(
    model           LowCardinality(String),
    version         LowCardinality(String),
    timestamp       DateTime64(9, 'UTC'),
    owner           String,
    task            LowCardinality(String),
    classes         Array(String),
    hyperparameters String,
    signature       String,
    training_data   String,
    deployed_at     Nullable(DateTime64(9, 'UTC'))
)
ENGINE = ReplacingMergeTree(timestamp)
ORDER BY (model, version);

-- Who changed what: registrations, baselines, thresholds, label corrections, exports, deletions.
CREATE TABLE IF NOT EXISTS audit_log
(
    timestamp DateTime64(3, 'UTC') DEFAULT now64(3),
    actor     String,
    action    LowCardinality(String),
    model     LowCardinality(String),
    version   LowCardinality(String),
    details   String
)
ENGINE = MergeTree
ORDER BY (timestamp, action);

-- Spans that follow the conventions become predictions, whoever wrote them: the collector, or another writer of otel_traces.
CREATE MATERIALIZED VIEW IF NOT EXISTS predictions_from_spans TO predictions AS
WITH
    prefix -> mapSort(mapApply((name, text) -> (substring(name, length(prefix) + 1), text),
        mapFilter((name, text) -> startsWith(name, prefix), SpanAttributes))) AS part,
    part('modelspan.feature.') AS features,
    arrayMap(name -> substring(name, length('modelspan.feature.') + 1), NumericFeatures) AS numeric_names,
    mapApply((name, text) -> (name, toFloat64OrNull(text)), mapFilter((name, text) -> has(numeric_names, name), features)) AS numbers
SELECT
    SpanAttributes['modelspan.model.name'] AS model,
    SpanAttributes['modelspan.model.version'] AS version,
    if(SpanAttributes['modelspan.model.role'] = '', 'primary', SpanAttributes['modelspan.model.role']) AS role,
    ServiceName AS service,
    Timestamp AS timestamp,
    toDateTime64(ReceivedAt, 3, 'UTC') AS received_at,
    if(SpanAttributes['modelspan.prediction.id'] = '', SpanId, SpanAttributes['modelspan.prediction.id']) AS prediction_id,
    TraceId AS trace_id,
    SpanId AS span_id,
    toFloat64OrNull(SpanAttributes['modelspan.prediction.value']) AS value,
    SpanAttributes['modelspan.prediction.label'] AS label,
    mapApply((name, text) -> (name, toFloat64OrZero(text)), part('modelspan.prediction.score.')) AS scores,
    Duration / 1e9 AS duration,
    multiIf(SpanAttributes['error.type'] != '', SpanAttributes['error.type'],
        StatusCode IN ('Error', 'STATUS_CODE_ERROR'), '_OTHER', '') AS error_type,
    ifNull(toFloat64OrNull(SpanAttributes['modelspan.sample_weight']), 1) AS sample_weight,
    mapApply((name, number) -> (name, assumeNotNull(number)), mapFilter((name, number) -> isNotNull(number) AND NOT isNaN(number), numbers)) AS numeric_features,
    mapFilter((name, text) -> NOT has(numeric_names, name), features) AS categorical_features,
    mapKeys(mapFilter((name, number) -> isNull(number) OR isNaN(number), numbers)) AS null_features,
    if(ResourceAttributes['modelspan.tenant'] = '', part('modelspan.tag.'),
        mapUpdate(part('modelspan.tag.'), map('tenant', ResourceAttributes['modelspan.tenant']))) AS tags
FROM otel_traces
WHERE mapContains(SpanAttributes, 'modelspan.model.name')
    AND SpanAttributes['modelspan.model.name'] != ''
    AND SpanAttributes['modelspan.recorded'] != 'true'
    AND toUInt64OrZero(SpanAttributes['modelspan.batch.size']) <= 1;

-- What arrived and could not be taken as it was: rejected, replaced, set aside. Readable by users, so that they can find their mistake.
CREATE TABLE IF NOT EXISTS ingest_errors
(
    timestamp   DateTime64(3, 'UTC') DEFAULT now64(3),
    signal      LowCardinality(String), -- traces, metrics, logs, events, predictions, labels, models
    kind        LowCardinality(String), -- rejected, column_left_out, value_left_out, row_left_out, rounded, wild_timestamp, invalid_text, dead_letter
    service     LowCardinality(String),
    model       LowCardinality(String), -- '' where it is not known
    column_name String,                 -- what it is about, such as feature.zip; '' where it is about no column
    count       UInt64,                 -- rows; of what was rejected or set aside: records
    reason      String                  -- one sentence for a person
)
ENGINE = MergeTree
ORDER BY timestamp
TTL toDateTime(timestamp) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- Clocks that were not believed, by service and insert.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_traces TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'traces' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_traces
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_logs TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'logs' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_logs
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_gauge TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_metrics_gauge
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_sum TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_metrics_sum
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_histogram TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_metrics_histogram
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_exponential_histogram TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_metrics_exponential_histogram
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_summary TO ingest_errors AS
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service, count() AS count,
    concat('the clock said ', toString(any(OriginalTimestamp)), ' ns since 1970; the time of arrival was taken instead') AS reason
FROM otel_metrics_summary
WHERE OriginalTimestamp != 0
GROUP BY ServiceName;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_predictions TO ingest_errors AS
SELECT toDateTime64(max(received_at), 3, 'UTC') AS timestamp, 'predictions' AS signal, 'wild_timestamp' AS kind, service, count() AS count,
    concat('the clock said ', any(tags['modelspan.original_timestamp']), '; the time of arrival was taken instead') AS reason
FROM predictions
WHERE mapContains(tags, 'modelspan.original_timestamp')
GROUP BY service;

-- an empty version stands for every version of the model.
CREATE TABLE IF NOT EXISTS baselines
(
    baseline_id  String,
    model        LowCardinality(String),
    version      LowCardinality(String),
    kind         LowCardinality(String), -- rows, window, sliding, same_hour, version, learnt
    source       String,                 -- file, query or window, in words a person can check
    window_start Nullable(DateTime64(9, 'UTC')),
    window_end   Nullable(DateTime64(9, 'UTC')),
    rows         UInt64,
    created_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    details      String
)
ENGINE = ReplacingMergeTree(created_at)
ORDER BY (model, version, baseline_id);

-- One row a measurement: window, signal, metric, feature and segment name it; a recomputed one replaces it.
CREATE TABLE IF NOT EXISTS monitor_results
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),   -- of event time, included
    window_end   DateTime64(9, 'UTC'),   -- of event time, not included
    signal       LowCardinality(String), -- data_drift, prediction_drift, data_quality, performance, fairness, ...
    metric       LowCardinality(String), -- psi, jensen_shannon_distance, null_rate, roc_auc, ...
    feature      LowCardinality(String), -- '' where it is about the model as a whole
    segment      String,                 -- '' for all rows, else 'tag.country=DE'
    value        Nullable(Float64),      -- what was measured; NULL where it could not be
    lower        Nullable(Float64),      -- confidence interval of the value
    upper        Nullable(Float64),
    threshold    Nullable(Float64),      -- beyond which it alarms; NULL where there is none
    direction    LowCardinality(String), -- 'above' or 'below': on which side of the threshold the alarm lies
    verdict      LowCardinality(String), -- ok, warning, alarm, not_enough_data, not_compared, skipped, error
    p_value      Nullable(Float64),      -- of the test, where there is one
    n            UInt64,                 -- rows of the window that it was computed from
    n_baseline   UInt64,                 -- rows of the baseline that it was compared with
    baseline_id  String,                 -- of `baselines`; '' where there was none
    monitor      LowCardinality(String), -- name in monitors.yaml
    run_id       String,                 -- of `monitor_runs`
    computed_at  DateTime64(3, 'UTC') DEFAULT now64(3), -- the newest result of a window counts
    reason       String,                 -- one sentence for a person
    details      String                  -- JSON
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (model, version, window_start, window_end, signal, metric, feature, segment, monitor)
TTL toDateTime(computed_at) + INTERVAL 730 DAY;

-- Each scheduled run of a model's monitors, so that none is skipped and none is repeated.
CREATE TABLE IF NOT EXISTS monitor_runs
(
    run_id       String,                 -- the same for all monitors of a window
    model        LowCardinality(String),
    version      LowCardinality(String),
    monitor      LowCardinality(String), -- '' for the run as a whole
    window_start DateTime64(9, 'UTC'),   -- of event time, included
    window_end   DateTime64(9, 'UTC'),   -- of event time, not included
    scheduled    DateTime64(3, 'UTC'),   -- when it was due
    started      DateTime64(3, 'UTC'),
    ended        Nullable(DateTime64(3, 'UTC')), -- NULL while it runs
    outcome      LowCardinality(String), -- running, done, failed, timeout
    error        String,                 -- what failed; '' where nothing did
    updated_at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (model, version, monitor, window_start, window_end);

-- Who looks at which window. An insert carries the window and the attempt as its deduplication token, so that of any
-- number of analyzers that try at once exactly one row is stored, and whoever reads its own run_id back has the window.
CREATE TABLE IF NOT EXISTS monitor_claims
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),
    window_end   DateTime64(9, 'UTC'),
    attempt      UInt16,
    run_id       String,
    owner        String,                 -- process that holds it
    claimed_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    expires_at   DateTime64(3, 'UTC')    -- from then on a window that is not done is another's to take
)
ENGINE = MergeTree
ORDER BY (model, version, window_start, window_end, attempt)
TTL toDateTime(claimed_at) + INTERVAL 730 DAY
SETTINGS non_replicated_deduplication_window = 100000;

-- Sketches: mergeable states of every feature and prediction, per hour, kept on insert by the views below.
-- Merged over any hours they give a window's distributions at a cost that does not grow with predictions.
--   points     values at equal steps of rank, each with the weight that it stands for: all values of up to 400 in a block,
--              else 400, so within 1/800 in rank. Merged by putting them together, which adds no error; `condense`
--              (store/sketches.py) thins what many inserts left.
--   top        Space-Saving counters: exact up to 256 different values, else counts with a known bound on their error
--   distinct   HyperLogLog: the number of different values within about 1.6 % (one standard error)
-- Rows of one weight class share a state, so that sampled predictions count with their weight without loss in the sketch.
CREATE TABLE IF NOT EXISTS feature_profiles
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    segment      LowCardinality(String), -- '' for all rows, else 'tag.country=DE'
    source       LowCardinality(String), -- feature, prediction (value, label, score.<class>), or model (the rows themselves)
    feature      LowCardinality(String),
    kind         LowCardinality(String), -- numeric, categorical, null, rows
    hour         DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    weight_class Float32,                -- sample_weight to two digits
    rows         SimpleAggregateFunction(sum, UInt64),
    weight       SimpleAggregateFunction(sum, Float64),
    nans         SimpleAggregateFunction(sum, Float64),
    infinite     SimpleAggregateFunction(sum, Float64),
    zero         SimpleAggregateFunction(sum, Float64),
    negative     SimpleAggregateFunction(sum, Float64),
    minimum      SimpleAggregateFunction(min, Float64),
    maximum      SimpleAggregateFunction(max, Float64),
    total        SimpleAggregateFunction(sum, Float64),
    squares      SimpleAggregateFunction(sum, Float64),
    updated      SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now(), -- retention counts from arrival
    newest       SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    points       SimpleAggregateFunction(groupArrayArray, Array(Tuple(value Float64, weight Float64))),
    distinct     AggregateFunction(uniqHLL12, UInt64),
    top          AggregateFunction(approx_top_k(64, 256), String)
)
ENGINE = AggregatingMergeTree
PARTITION BY toStartOfMonth(hour)
ORDER BY (model, version, segment, toStartOfDay(hour), source, kind, feature, hour, weight_class)
TTL updated + INTERVAL 400 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- The views that keep feature_profiles on insert: one a shape of data, each a single pass over the inserted block.
-- The places marked with comments are filled by the views of a configured segment: store/segments.py.
CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_numeric TO feature_profiles AS
WITH arraySort(groupArrayIf(number, isFinite(number))) AS sorted, least(length(sorted), 400) AS kept
SELECT model, version, '' AS segment, 'feature' AS source, name AS feature, 'numeric' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight,
       sumIf(sample_weight, isNaN(number)) AS nans, sumIf(sample_weight, isInfinite(number)) AS infinite,
       sumIf(sample_weight, number = 0) AS zero, sumIf(sample_weight, number < 0) AS negative,
       min(if(isFinite(number), number, inf)) AS minimum, max(if(isFinite(number), number, -inf)) AS maximum,
       sumIf(sample_weight * number, isFinite(number)) AS total,
       sumIf(sample_weight * number * number, isFinite(number)) AS squares,
       arrayMap(i -> (sorted[intDiv((2 * i + 1) * length(sorted), 2 * kept) + 1],
                      sumIf(sample_weight, isFinite(number)) / kept), range(kept)) AS points,
       uniqHLL12State(cityHash64(number)) AS distinct
FROM (
    SELECT model, version, toStartOfHour(timestamp) AS hour, sample_weight, numeric_features,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM predictions
)
ARRAY JOIN mapKeys(numeric_features) AS name, mapValues(numeric_features) AS number
GROUP BY model, version, hour, weight_class, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_categorical TO feature_profiles AS
SELECT model, version, '' AS segment, 'feature' AS source, name AS feature, 'categorical' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight, sumIf(sample_weight, text = '') AS zero,
       uniqHLL12State(cityHash64(text)) AS distinct,
       approx_top_kState(64, 256)(text) AS top
FROM (
    SELECT model, version, toStartOfHour(timestamp) AS hour, sample_weight, categorical_features,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM predictions
)
ARRAY JOIN mapKeys(categorical_features) AS name, mapValues(categorical_features) AS text
GROUP BY model, version, hour, weight_class, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_null TO feature_profiles AS
SELECT model, version, '' AS segment, 'feature' AS source, name AS feature, 'null' AS kind,
       toStartOfHour(timestamp) AS hour, toFloat32(1) AS weight_class, count() AS rows, sum(sample_weight) AS weight
FROM predictions
ARRAY JOIN null_features AS name
GROUP BY model, version, hour, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_prediction TO feature_profiles AS
WITH arraySort(groupArrayIf(number, isFinite(number))) AS sorted, least(length(sorted), 400) AS kept
SELECT model, version, '' AS segment, 'prediction' AS source, name AS feature, 'numeric' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight,
       sumIf(sample_weight, isNaN(number)) AS nans, sumIf(sample_weight, isInfinite(number)) AS infinite,
       sumIf(sample_weight, number = 0) AS zero, sumIf(sample_weight, number < 0) AS negative,
       min(if(isFinite(number), number, inf)) AS minimum, max(if(isFinite(number), number, -inf)) AS maximum,
       sumIf(sample_weight * number, isFinite(number)) AS total,
       sumIf(sample_weight * number * number, isFinite(number)) AS squares,
       arrayMap(i -> (sorted[intDiv((2 * i + 1) * length(sorted), 2 * kept) + 1],
                      sumIf(sample_weight, isFinite(number)) / kept), range(kept)) AS points,
       uniqHLL12State(cityHash64(number)) AS distinct
FROM (
    SELECT model, version, toStartOfHour(timestamp) AS hour, sample_weight,
           arrayConcat(if(value IS NULL, [], ['value']), arrayMap(class -> concat('score.', class), mapKeys(scores))) AS names,
           arrayConcat(if(value IS NULL, [], [assumeNotNull(value)]), mapValues(scores)) AS numbers,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM predictions
)
ARRAY JOIN names AS name, numbers AS number
GROUP BY model, version, hour, weight_class, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_label TO feature_profiles AS
SELECT model, version, '' AS segment, 'prediction' AS source, 'label' AS feature, 'categorical' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight,
       uniqHLL12State(cityHash64(text)) AS distinct,
       approx_top_kState(64, 256)(text) AS top
FROM (
    SELECT model, version, toStartOfHour(timestamp) AS hour, sample_weight, toString(label) AS text,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM predictions
    WHERE label != ''
)
GROUP BY model, version, hour, weight_class;

-- The rows themselves: how many, the newest, how many failed (zero), and how many different ids.
CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_rows TO feature_profiles AS
SELECT model, version, '' AS segment, 'model' AS source, '' AS feature, 'rows' AS kind,
       toStartOfHour(timestamp) AS hour, toFloat32(1) AS weight_class,
       count() AS rows, sum(sample_weight) AS weight, sumIf(sample_weight, error_type != '') AS zero,
       max(timestamp) AS newest,
       uniqHLL12State(cityHash64(prediction_id)) AS distinct
FROM predictions
GROUP BY model, version, hour;

-- The sketches of whole days, merged from the hourly ones as these are inserted: a window of weeks then merges a few
-- dozen states a feature, not hundreds. A window takes its whole days from here and the hours around them from there.
CREATE TABLE IF NOT EXISTS feature_profile_days
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    segment      LowCardinality(String),
    source       LowCardinality(String),
    feature      LowCardinality(String),
    kind         LowCardinality(String),
    day          DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    weight_class Float32,
    rows         SimpleAggregateFunction(sum, UInt64),
    weight       SimpleAggregateFunction(sum, Float64),
    nans         SimpleAggregateFunction(sum, Float64),
    infinite     SimpleAggregateFunction(sum, Float64),
    zero         SimpleAggregateFunction(sum, Float64),
    negative     SimpleAggregateFunction(sum, Float64),
    minimum      SimpleAggregateFunction(min, Float64),
    maximum      SimpleAggregateFunction(max, Float64),
    total        SimpleAggregateFunction(sum, Float64),
    squares      SimpleAggregateFunction(sum, Float64),
    updated      SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now(),
    newest       SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    points       SimpleAggregateFunction(groupArrayArray, Array(Tuple(value Float64, weight Float64))),
    distinct     AggregateFunction(uniqHLL12, UInt64),
    top          AggregateFunction(approx_top_k(64, 256), String)
)
ENGINE = AggregatingMergeTree
PARTITION BY toYear(day)
ORDER BY (model, version, segment, day, source, kind, feature, weight_class)
TTL updated + INTERVAL 400 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profile_days_from_hours TO feature_profile_days AS
SELECT model, version, segment, source, feature, kind, toStartOfDay(hour) AS day, weight_class,
       sum(rows) AS rows, sum(weight) AS weight, sum(nans) AS nans, sum(infinite) AS infinite, sum(zero) AS zero,
       sum(negative) AS negative, min(minimum) AS minimum, max(maximum) AS maximum, sum(total) AS total,
       sum(squares) AS squares, max(updated) AS updated, max(newest) AS newest,
       groupArrayArray(points) AS points,
       uniqHLL12MergeState(distinct) AS distinct,
       approx_top_kMergeState(64, 256)(top) AS top
FROM feature_profiles
GROUP BY model, version, segment, source, feature, kind, day, weight_class;

-- attributions that came with a prediction are in its own row. `baseline_id` is '' for rows of production.
CREATE TABLE IF NOT EXISTS attributions
(
    model         LowCardinality(String),
    version       LowCardinality(String),
    baseline_id   LowCardinality(String),
    timestamp     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)), -- of the prediction
    prediction_id String CODEC(ZSTD(1)),
    method        LowCardinality(String), -- tree, linear, permutation, kernel
    base_value    Float64,                -- the mean prediction that the attributions start from
    attributions  Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    computed_at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (model, version, baseline_id, timestamp, prediction_id, method)
TTL toDateTime(computed_at) + INTERVAL 180 DAY;

-- Why a result is as it is: the answer of `modelspan why`, kept with the result that it explains.
CREATE TABLE IF NOT EXISTS explanations
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),
    window_end   DateTime64(9, 'UTC'),
    signal       LowCardinality(String),
    metric       LowCardinality(String),
    feature      LowCardinality(String),
    segment      String,
    monitor      LowCardinality(String),
    kind         LowCardinality(String), -- missing, drift, prediction_drift, errors, slow, wrong, unfair
    sentence     String,
    service      LowCardinality(String), -- of the first cause, '' where nothing explains it
    release      String,
    began_at     Nullable(DateTime64(3, 'UTC')),
    flagged      UInt64,                 -- predictions that make the finding
    others       UInt64,
    seconds      Float64,
    details      String,                 -- JSON: all causes
    computed_at  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (model, version, window_start, window_end, signal, metric, feature, segment, monitor)
TTL toDateTime(computed_at) + INTERVAL 730 DAY;

-- Findings of a model that share a cause or began together. The newest row of an incident is its state.
CREATE TABLE IF NOT EXISTS incidents
(
    incident_id String,
    model       LowCardinality(String),
    version     LowCardinality(String),
    status      LowCardinality(String), -- open, resolved
    severity    LowCardinality(String), -- critical, warning, info
    severities  Array(LowCardinality(String)), -- every one that it has had, the first first
    signal      LowCardinality(String), -- of the gravest finding
    title       String,                 -- what is wrong, in a line
    why         String,                 -- one sentence
    cause       String,                 -- what findings of the same cause have in common; '' where none is known
    owner       String,                 -- of monitors.yaml
    runbook     String,                 -- of monitors.yaml
    began_at    DateTime64(3, 'UTC'),   -- when the data went bad
    opened_at   DateTime64(3, 'UTC'),   -- when it was found
    updated_at  DateTime64(3, 'UTC'),   -- the newest row of an incident is its state
    resolved_at Nullable(DateTime64(3, 'UTC')), -- NULL while it is open
    affected    UInt64,                 -- predictions
    value       Float64,                -- of the affected predictions, in the unit of monitors.yaml
    findings    String,                 -- JSON
    traces      Array(String)           -- some that show it
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (incident_id);

-- The timeline of an incident.
CREATE TABLE IF NOT EXISTS incident_events
(
    incident_id String,
    at          DateTime64(3, 'UTC'),
    kind        LowCardinality(String), -- opened, finding, cause, severity, cleared, resolved, reopened, feedback
    text        String
)
ENGINE = ReplacingMergeTree
ORDER BY (incident_id, at, kind, text)
TTL toDateTime(at) + INTERVAL 730 DAY;

-- What people thought of an incident: one opinion a person, the newest counts.
CREATE TABLE IF NOT EXISTS incident_feedback
(
    incident_id String,
    actor       String,
    opinion     LowCardinality(String), -- useful, noise
    comment     String,
    at          DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (incident_id, actor);

INSERT INTO schema_migrations (version, name) SELECT 4, 'made at this version';

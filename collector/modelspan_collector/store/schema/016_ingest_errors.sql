-- What arrived and could not be taken as it was: rejected, replaced, set aside. Readable by users, so that they can find their mistake.
CREATE TABLE IF NOT EXISTS ingest_errors/*local*//**//*on_cluster*//**/
(
    timestamp   DateTime64(3, 'UTC') DEFAULT now64(3),
    signal      LowCardinality(String), -- traces, metrics, logs, events, predictions, labels, models
    kind        LowCardinality(String), -- rejected, column_left_out, value_left_out, row_left_out, sketch_left_out, rounded, wild_timestamp, invalid_text, dead_letter
    service     LowCardinality(String),
    model       LowCardinality(String), -- '' where it is not known
    column_name String,                 -- what it is about, such as feature.zip; '' where it is about no column
    count       UInt64,                 -- rows; of what was rejected or set aside: records
    reason      String                  -- one sentence for a person
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
ORDER BY timestamp
TTL toDateTime(timestamp) + INTERVAL 30 DAY
SETTINGS /*window*/non_replicated_deduplication_window/**/ = 10000;

-- Clocks that were not believed, by service, model, insert, and which way they were off.
CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_traces/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'traces' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    SpanAttributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_traces/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_logs/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'logs' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    LogAttributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_logs/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_gauge/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    Attributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_metrics_gauge/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_sum/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    Attributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_metrics_sum/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_histogram/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    Attributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_metrics_histogram/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_exponential_histogram/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    Attributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_metrics_exponential_histogram/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

CREATE MATERIALIZED VIEW IF NOT EXISTS ingest_errors_from_otel_metrics_summary/*to*/ TO /**/ingest_errors AS
WITH OriginalTimestamp < 631152000000000000 AS early
SELECT toDateTime64(max(ReceivedAt), 3, 'UTC') AS timestamp, 'metrics' AS signal, 'wild_timestamp' AS kind, ServiceName AS service,
    Attributes['modelspan.model.name'] AS model, count() AS count,
    -- include wild_reason.sql
FROM otel_metrics_summary/*local*//**/
WHERE OriginalTimestamp != 0
GROUP BY service, model, early;

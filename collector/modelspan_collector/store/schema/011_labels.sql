-- What was true in the end. Labels come late and are corrected: the newest `timestamp` for a prediction wins.
CREATE TABLE IF NOT EXISTS labels
(
    prediction_id String,
    model         LowCardinality(String),
    timestamp     DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    value         Nullable(Float64),
    label         LowCardinality(String)
)
ENGINE = ReplacingMergeTree(timestamp)
ORDER BY (prediction_id)
TTL toDateTime(received_at) + INTERVAL 365 DAY
SETTINGS index_granularity = 8192, non_replicated_deduplication_window = 10000;

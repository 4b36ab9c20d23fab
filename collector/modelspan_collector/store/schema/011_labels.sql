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

-- What arrived and could not be taken as it was: rejected, replaced, set aside. Readable by users, so that they can find their mistake.
CREATE TABLE IF NOT EXISTS ingest_errors
(
    timestamp DateTime64(3, 'UTC') DEFAULT now64(3),
    signal    LowCardinality(String), -- traces, metrics, logs, predictions, labels, models
    kind      LowCardinality(String), -- rejected, wild_timestamp, invalid_text, dead_letter
    service   LowCardinality(String),
    count     UInt64,
    reason    String                  -- one sentence for a person
)
ENGINE = MergeTree
ORDER BY timestamp
TTL toDateTime(timestamp) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 10000;

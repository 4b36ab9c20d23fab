-- One row a prediction: from prediction records, and from spans that follow the conventions.
-- The five-minute bucket leads the time order, so that reads of the newest rows stay in key order. Retention counts from
-- arrival, so that a replayed history of years ago is kept as long as fresh rows are.
CREATE TABLE IF NOT EXISTS predictions
(
    model                LowCardinality(String),
    version              LowCardinality(String),
    role                 LowCardinality(String) DEFAULT 'primary',
    service              LowCardinality(String),
    timestamp            DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at          DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
    prediction_id        String CODEC(ZSTD(1)),
    trace_id             String CODEC(ZSTD(1)),
    span_id              String CODEC(ZSTD(1)),
    value                Nullable(Float64) CODEC(ZSTD(1)),
    label                LowCardinality(String),
    scores               Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    duration             Nullable(Float64) CODEC(ZSTD(1)),
    error_type           LowCardinality(String),
    sample_weight        Float64 DEFAULT 1 CODEC(ZSTD(1)),
    numeric_features     Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    categorical_features Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    null_features        Array(LowCardinality(String)) CODEC(ZSTD(1)),
    embeddings           Map(LowCardinality(String), Array(Float32)) CODEC(ZSTD(1)),
    attributions         Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    tags                 Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX prediction_id_bloom prediction_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toMonday(timestamp)
ORDER BY (model, toStartOfFiveMinutes(timestamp), version, timestamp, prediction_id)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

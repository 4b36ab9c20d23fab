-- One row a prediction: from prediction records, and from spans that follow the conventions.
-- The five-minute bucket leads the time order, so that reads of the newest rows stay in key order. Retention counts from
-- arrival, so that a replayed history of years ago is kept as long as fresh rows are.
-- Maps of numbers are LZ4: a sixth more on disk than ZSTD(1), for a read of one feature in half the time (benchmarks/store.py).
-- What comes more than a month late goes to yearly partitions: an insert of a long history in random order meets a dozen of
-- them, not hundreds, each of which would get a part.
CREATE TABLE IF NOT EXISTS predictions/*local*//**//*on_cluster*//**/
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
    scores               Map(LowCardinality(String), Float64) CODEC(LZ4),                 -- of each class
    duration             Nullable(Float64) CODEC(ZSTD(1)),                                -- seconds
    error_type           LowCardinality(String),                                          -- class of the exception; '' where it answered
    sample_weight        Float64 DEFAULT 1 CODEC(ZSTD(1)),                                -- how many predictions this row stands for
    numeric_features     Map(LowCardinality(String), Float64) CODEC(LZ4),                 -- numbers, by name
    categorical_features Map(LowCardinality(String), String) CODEC(ZSTD(1)),              -- categories as text, by name
    null_features        Array(LowCardinality(String)) CODEC(ZSTD(1)),                    -- names of those without a value
    embeddings           Map(LowCardinality(String), Array(Float32)) CODEC(ZSTD(1)),      -- vectors, by name
    attributions         Map(LowCardinality(String), Float64) CODEC(LZ4),                 -- of the features
    tags                 Map(LowCardinality(String), String) CODEC(ZSTD(1)),              -- segments, which are no features
    sketched             Bool,                                                            -- its sketches came with it: no view is to make any; false in a copy of it
    shape                LowCardinality(String),                                          -- of an answer that is more than a number or class: multioutput, multilabel, ranking, quantile, detection, segmentation, untold; '' of others
    items                Array(String) CODEC(ZSTD(1)),                                    -- its texts: labels, ranked ids, classes of boxes
    outputs              Map(LowCardinality(String), Array(Float64)) CODEC(LZ4),          -- its numbers, by name
    INDEX prediction_id_bloom prediction_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
PARTITION BY if(toDate(timestamp) + 30 >= toDate(received_at), toMonday(timestamp), toStartOfYear(timestamp))
ORDER BY (model, toStartOfFiveMinutes(timestamp), version, timestamp, prediction_id)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, /*window*/non_replicated_deduplication_window/**/ = 10000;

-- The rows of a baseline: the shape of predictions, plus the true label where it is known.
CREATE TABLE IF NOT EXISTS reference_predictions/*local*//**//*on_cluster*//**/
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
    tags                 Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    shape                LowCardinality(String),
    items                Array(String) CODEC(ZSTD(1)),
    outputs              Map(LowCardinality(String), Array(Float64)) CODEC(ZSTD(1))
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
ORDER BY (model, baseline_id, timestamp, prediction_id)
SETTINGS index_granularity = 8192, /*window*/non_replicated_deduplication_window/**/ = 1000;

-- Why a prediction was what it was: what each feature added to it. Computed after the fact from a model that was supplied;
-- attributions that came with a prediction are in its own row. `baseline_id` is '' for rows of production.
CREATE TABLE IF NOT EXISTS attributions/*local*//**//*on_cluster*//**/
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
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/computed_at)
ORDER BY (model, version, baseline_id, timestamp, prediction_id, method)
TTL toDateTime(computed_at) + INTERVAL 180 DAY;

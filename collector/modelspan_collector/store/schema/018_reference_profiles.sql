-- The columns of a baseline that has no rows, as a profile of another tool tells of them: one row a column.
CREATE TABLE IF NOT EXISTS reference_profiles/*local*//**//*on_cluster*//**/
(
    baseline_id        String,
    model              LowCardinality(String),
    version            LowCardinality(String),
    source             LowCardinality(String),                -- feature or prediction
    feature            String,
    missing            UInt64,                                -- rows without a value
    numbers            UInt64,                                -- rows with one, NaN and infinite ones too
    nans               UInt64,
    infinite           UInt64,
    zero               Float64,
    negative           Float64,
    minimum            Float64,                               -- of finite numbers, as all below
    maximum            Float64,
    mean               Float64,
    deviation          Float64,                               -- standard deviation, of the population
    different_numbers  Float64,                               -- an estimate
    points             Array(Float64) CODEC(ZSTD(1)),         -- ascending
    weights            Array(Float64) CODEC(ZSTD(1)),         -- rows that each point stands for
    rank_error         Float64,                               -- of the distribution function that they make
    texts              UInt64,                                -- rows with one
    different_texts    Float64,                               -- an estimate
    categories         Map(String, Float64) CODEC(ZSTD(1))    -- the frequent ones, with rows
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
ORDER BY (model, baseline_id, source, feature)
SETTINGS index_granularity = 8192, /*window*/non_replicated_deduplication_window/**/ = 1000;

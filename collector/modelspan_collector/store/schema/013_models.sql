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

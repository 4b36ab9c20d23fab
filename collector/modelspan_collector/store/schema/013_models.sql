-- Model cards: what `modelspan.register` says of a version. The newest card of a tenant's version wins.
CREATE TABLE IF NOT EXISTS models/*local*//**//*on_cluster*//**/
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
    deployed_at     Nullable(DateTime64(9, 'UTC')),
    tenant          LowCardinality(String), -- who sent it, as its token says; '' is nobody's
    project         LowCardinality(String)  -- what it is part of, with other models; '' where nobody says
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/timestamp)
PRIMARY KEY (model, version)
ORDER BY (model, version, tenant);

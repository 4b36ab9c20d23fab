-- What a model is compared with, and where it came from. The newest baseline of a model and version is the active one;
-- an empty version stands for every version of the model.
CREATE TABLE IF NOT EXISTS baselines/*local*//**//*on_cluster*//**/
(
    baseline_id  String,
    model        LowCardinality(String),
    version      LowCardinality(String),
    kind         LowCardinality(String), -- rows, window, profile, sliding, same_hour, version, learnt
    source       String,                 -- file, query or window, in words a person can check
    window_start Nullable(DateTime64(9, 'UTC')),
    window_end   Nullable(DateTime64(9, 'UTC')),
    rows         UInt64,
    created_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    details      String
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/created_at)
ORDER BY (model, version, baseline_id);

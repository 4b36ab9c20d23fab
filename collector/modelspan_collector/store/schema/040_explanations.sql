-- Why a result is as it is: the answer of `modelspan why`, kept with the result that it explains.
CREATE TABLE IF NOT EXISTS explanations/*local*//**//*on_cluster*//**/
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),
    window_end   DateTime64(9, 'UTC'),
    signal       LowCardinality(String),
    metric       LowCardinality(String),
    feature      LowCardinality(String),
    segment      String,
    monitor      LowCardinality(String),
    kind         LowCardinality(String), -- missing, drift, prediction_drift, errors, slow, wrong, unfair
    sentence     String,
    service      LowCardinality(String), -- of the first cause, '' where nothing explains it
    release      String,
    began_at     Nullable(DateTime64(3, 'UTC')),
    flagged      UInt64,                 -- predictions that make the finding
    others       UInt64,
    seconds      Float64,
    details      String,                 -- JSON: all causes
    computed_at  DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/computed_at)
ORDER BY (model, version, window_start, window_end, signal, metric, feature, segment, monitor)
TTL toDateTime(computed_at) + INTERVAL 730 DAY;

-- Who changed what: registrations, baselines, thresholds, label corrections, exports, deletions.
CREATE TABLE IF NOT EXISTS audit_log/*local*//**//*on_cluster*//**/
(
    timestamp DateTime64(3, 'UTC') DEFAULT now64(3),
    actor     String,
    action    LowCardinality(String),
    model     LowCardinality(String),
    version   LowCardinality(String),
    details   String
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
ORDER BY (timestamp, action);

-- One row a measurement: window, signal, metric, feature and segment name it; a recomputed one replaces it.
CREATE TABLE IF NOT EXISTS monitor_results/*local*//**//*on_cluster*//**/
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),   -- of event time, included
    window_end   DateTime64(9, 'UTC'),   -- of event time, not included
    signal       LowCardinality(String), -- data_drift, prediction_drift, data_quality, performance, fairness, ...
    metric       LowCardinality(String), -- psi, jensen_shannon_distance, null_rate, roc_auc, ...
    feature      LowCardinality(String), -- '' where it is about the model as a whole
    segment      String,                 -- '' for all rows, else 'tag.country=DE'
    value        Nullable(Float64),      -- what was measured; NULL where it could not be
    lower        Nullable(Float64),      -- confidence interval of the value
    upper        Nullable(Float64),
    threshold    Nullable(Float64),      -- beyond which it alarms; NULL where there is none
    direction    LowCardinality(String), -- 'above' or 'below': on which side of the threshold the alarm lies
    verdict      LowCardinality(String), -- ok, warning, alarm, not_enough_data, not_compared, skipped, error
    p_value      Nullable(Float64),      -- of the test, where there is one
    n            UInt64,                 -- rows of the window that it was computed from
    n_baseline   UInt64,                 -- rows of the baseline that it was compared with
    baseline_id  String,                 -- of `baselines`; '' where there was none
    monitor      LowCardinality(String), -- name in monitors.yaml
    run_id       String,                 -- of `monitor_runs`
    computed_at  DateTime64(3, 'UTC') DEFAULT now64(3), -- the newest result of a window counts
    reason       String,                 -- one sentence for a person
    details      String                  -- JSON
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/computed_at)
ORDER BY (model, version, window_start, window_end, signal, metric, feature, segment, monitor)
TTL toDateTime(computed_at) + INTERVAL 730 DAY;

-- Each scheduled run of a model's monitors, so that none is skipped and none is repeated.
CREATE TABLE IF NOT EXISTS monitor_runs
(
    run_id       String,
    model        LowCardinality(String),
    version      LowCardinality(String),
    monitor      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),
    window_end   DateTime64(9, 'UTC'),
    scheduled    DateTime64(3, 'UTC'),
    started      DateTime64(3, 'UTC'),
    ended        Nullable(DateTime64(3, 'UTC')),
    outcome      LowCardinality(String), -- running, done, failed, timeout
    error        String,
    updated_at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (model, version, monitor, window_start, window_end);

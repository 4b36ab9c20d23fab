-- Each scheduled run of a model's monitors, so that none is skipped and none is repeated.
CREATE TABLE IF NOT EXISTS monitor_runs/*local*//**//*on_cluster*//**/
(
    run_id       String,                 -- the same for all monitors of a window
    model        LowCardinality(String),
    version      LowCardinality(String),
    monitor      LowCardinality(String), -- '' for the run as a whole
    window_start DateTime64(9, 'UTC'),   -- of event time, included
    window_end   DateTime64(9, 'UTC'),   -- of event time, not included
    scheduled    DateTime64(3, 'UTC'),   -- when it was due
    started      DateTime64(3, 'UTC'),
    ended        Nullable(DateTime64(3, 'UTC')), -- NULL while it runs
    outcome      LowCardinality(String), -- running, done, failed, timeout
    error        String,                 -- what failed; '' where nothing did
    updated_at   DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/updated_at)
ORDER BY (model, version, monitor, window_start, window_end);

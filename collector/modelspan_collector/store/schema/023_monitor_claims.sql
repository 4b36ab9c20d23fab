-- Who looks at which window. An insert carries the window and the attempt as its deduplication token, so that of any
-- number of analyzers that try at once exactly one row is stored, and whoever reads its own run_id back has the window.
CREATE TABLE IF NOT EXISTS monitor_claims/*local*//**//*on_cluster*//**/
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),
    window_end   DateTime64(9, 'UTC'),
    attempt      UInt16,
    run_id       String,
    owner        String,                 -- process that holds it
    claimed_at   DateTime64(3, 'UTC') DEFAULT now64(3),
    expires_at   DateTime64(3, 'UTC')    -- from then on a window that is not done is another's to take
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
ORDER BY (model, version, window_start, window_end, attempt)
TTL toDateTime(claimed_at) + INTERVAL 730 DAY
SETTINGS /*window*/non_replicated_deduplication_window/**/ = 100000;

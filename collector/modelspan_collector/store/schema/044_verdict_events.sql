-- What the analyzer told, or has to tell, of its verdicts as OpenTelemetry events: one row a change of one measurement's
-- verdict. It holds which and when; what is said of it is read from `monitor_results` when it is sent.
CREATE TABLE IF NOT EXISTS verdict_events/*local*//**//*on_cluster*//**/
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    signal       LowCardinality(String), -- these five name the measurement, as in `monitor_results`
    metric       LowCardinality(String),
    feature      LowCardinality(String),
    segment      String,
    monitor      LowCardinality(String),
    window_start DateTime64(9, 'UTC'),   -- of the window that changed it
    window_end   DateTime64(9, 'UTC'),
    before       LowCardinality(String), -- what was told last: ok, warning, alarm, not_measured
    verdict      LowCardinality(String), -- what is to be told: warning, alarm, ok, not_measured
    at           DateTime64(3, 'UTC'),   -- when the analyzer found it
    outcome      LowCardinality(String), -- '' while it waits; sent, refused by the endpoint, or gone: its result was erased
    answered     UInt8                   -- 1 once it has an outcome, which then stands
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/answered)
ORDER BY (model, version, window_end, signal, metric, feature, segment, monitor, verdict)
TTL toDateTime(at) + INTERVAL 730 DAY;

-- The timeline of an incident.
CREATE TABLE IF NOT EXISTS incident_events/*local*//**//*on_cluster*//**/
(
    incident_id String,
    at          DateTime64(3, 'UTC'),
    kind        LowCardinality(String), -- opened, finding, cause, severity, cleared, resolved, reopened, feedback,
                                        -- acknowledged, assigned, action, outcome, closed
    text        String,
    actor       String,                 -- who did it; '' where the analyzer did
    value       String                  -- what was said with it: whom it is assigned to, what was done
)
ENGINE = /*replicated*//**/ReplacingMergeTree/*replica_only*//**/
ORDER BY (incident_id, at, kind, text)
TTL toDateTime(at) + INTERVAL 730 DAY;

-- Findings of a model that share a cause or began together. The newest row of an incident is its state.
CREATE TABLE IF NOT EXISTS incidents/*local*//**//*on_cluster*//**/
(
    incident_id String,
    model       LowCardinality(String),
    version     LowCardinality(String),
    status      LowCardinality(String), -- open, resolved
    severity    LowCardinality(String), -- critical, warning, info
    severities  Array(LowCardinality(String)), -- every one that it has had, the first first
    signal      LowCardinality(String), -- of the gravest finding
    title       String,                 -- what is wrong, in a line
    why         String,                 -- one sentence
    cause       String,                 -- what findings of the same cause have in common; '' where none is known
    owner       String,                 -- of monitors.yaml
    runbook     String,                 -- of monitors.yaml
    began_at    DateTime64(3, 'UTC'),   -- when the data went bad
    opened_at   DateTime64(3, 'UTC'),   -- when it was found
    updated_at  DateTime64(3, 'UTC'),   -- the newest row of an incident is its state
    resolved_at Nullable(DateTime64(3, 'UTC')), -- NULL while it is open
    affected    UInt64,                 -- predictions
    value       Float64,                -- of the affected predictions, in the unit of monitors.yaml
    findings    String,                 -- JSON
    traces      Array(String),          -- some that show it
    acknowledged_at Nullable(DateTime64(3, 'UTC')), -- NULL while nobody has it in hand
    acknowledged_by String,
    assignee    String,                 -- '' where it is its owner's
    action      String,                 -- what was done about it last
    outcome     String,                 -- what it came to
    closed_by   String                  -- '' where its findings are well again, or it lasts
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/updated_at)
ORDER BY (incident_id);

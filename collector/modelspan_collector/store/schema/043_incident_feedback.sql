-- What people thought of an incident: one opinion a person, the newest counts.
CREATE TABLE IF NOT EXISTS incident_feedback/*local*//**//*on_cluster*//**/
(
    incident_id String,
    actor       String,
    opinion     LowCardinality(String), -- useful, noise
    comment     String,
    at          DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/at)
ORDER BY (incident_id, actor);

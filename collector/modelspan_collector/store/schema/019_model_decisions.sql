-- What people decided of a version of a model: which stage it is in, and whether it is approved. Rows are only added.
CREATE TABLE IF NOT EXISTS model_decisions/*local*//**//*on_cluster*//**/
(
    model    LowCardinality(String),
    version  LowCardinality(String),
    at       DateTime64(6, 'UTC'),
    kind     LowCardinality(String), -- stage, approval
    decision LowCardinality(String), -- candidate, shadow, production, retired; approved, rejected
    actor    String,                 -- who decided it
    reason   String,
    card     Map(LowCardinality(String), String) -- the version's card at that time: a hash of each part; empty without one
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
ORDER BY (model, version, at);

-- The newest stage and approval of each version of which somebody decided anything; '' and NULL where nobody did.
CREATE VIEW IF NOT EXISTS model_stages/*on_cluster*//**/ AS
SELECT model, version,
       in_stage.2 AS stage, in_stage.3 AS stage_by, in_stage.4 AS stage_reason, if(stage = '', NULL, in_stage.1) AS stage_at,
       word.2 AS approval, word.3 AS approved_by, word.4 AS approval_reason, if(approval = '', NULL, word.1) AS approval_at
FROM (
    SELECT model, version, maxIf(what, kind = 'stage') AS in_stage, maxIf(what, kind = 'approval') AS word
    FROM (SELECT model, version, kind, (at, toString(decision), actor, reason) AS what FROM model_decisions)
    GROUP BY model, version
);

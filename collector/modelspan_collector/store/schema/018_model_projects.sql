-- What the telemetry says that a model is part of: the newest that the rows of a tenant say. Its card's word goes before it.
CREATE TABLE IF NOT EXISTS model_projects/*local*//**//*on_cluster*//**/
(
    model     LowCardinality(String),
    tenant    LowCardinality(String), -- whose rows say it; '' is nobody's
    timestamp DateTime64(9, 'UTC'),
    project   LowCardinality(String)
)
ENGINE = /*replicated*//**/ReplacingMergeTree(/*replica*//**/timestamp)
ORDER BY (model, tenant);

CREATE MATERIALIZED VIEW IF NOT EXISTS model_projects_from_predictions/*to*/ TO /**/model_projects AS
SELECT model, p.tags['tenant'] AS tenant, max(p.timestamp) AS timestamp,
       argMax(p.tags['modelspan.model.project'], p.timestamp) AS project
FROM predictions/*local*//**/ AS p
WHERE p.tags['modelspan.model.project'] != ''
GROUP BY model, tenant;

-- Which project a model is part of: the newest word of its cards, or else of its telemetry; of nobody's, or of the only
-- tenant that has any, as it is with owners. Where both say something else, the card's counts.
CREATE VIEW IF NOT EXISTS projects/*on_cluster*//**/ AS
SELECT model, if(card != '', card, telemetry) AS project,
       argMaxIf(t.project, t.timestamp, t.by_card) AS card, argMaxIf(t.project, t.timestamp, NOT t.by_card) AS telemetry
FROM (
    SELECT model, tenant, project, timestamp, by_card, uniqExact(tenant) OVER (PARTITION BY model, by_card) AS tenants
    FROM (
        SELECT model, tenant, project, timestamp, true AS by_card FROM models FINAL
        UNION ALL
        SELECT model, tenant, project, timestamp, false FROM model_projects FINAL
    )
) AS t
WHERE t.project != '' AND (t.tenant = '' OR t.tenants = 1)
GROUP BY model;

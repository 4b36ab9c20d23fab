-- From a metrics request to its metrics, one a row; the views of the five kinds read on from there.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_metric_from_otlp/*to*/ TO /**/otlp_metric AS
WITH
    -- include attribute_values.sql
SELECT
    received,
    resource_attributes AS ResourceAttributes,
    resource_schema_url AS ResourceSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    scope_schema_url AS ScopeSchemaUrl,
    resource_dropped_attributes_count AS ResourceDroppedAttrCount,
    map_of(metadata) AS MetricMetadata,
    name,
    description,
    unit,
    gauge,
    sum,
    histogram,
    exponential_histogram,
    summary
FROM
(
    SELECT
        received,
        arrayMap(attributes -> map_of(attributes), [resource.attributes, scope_metrics.scope.attributes]) AS maps,
        maps[1] AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        resource.dropped_attributes_count AS resource_dropped_attributes_count,
        schema_url AS resource_schema_url,
        scope_metrics.scope.name AS scope_name,
        scope_metrics.scope.version AS scope_version,
        maps[2] AS scope_attributes,
        scope_metrics.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_metrics.schema_url AS scope_schema_url,
        COLUMNS('^scope_metrics[.]metrics[.]')
    FROM otlp_metrics
)
ARRAY JOIN
    scope_metrics.metrics.name AS name,
    scope_metrics.metrics.description AS description,
    scope_metrics.metrics.unit AS unit,
    scope_metrics.metrics.gauge AS gauge,
    scope_metrics.metrics.sum AS sum,
    scope_metrics.metrics.histogram AS histogram,
    scope_metrics.metrics.exponential_histogram AS exponential_histogram,
    scope_metrics.metrics.summary AS summary,
    scope_metrics.metrics.metadata AS metadata;

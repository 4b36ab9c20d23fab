-- From a metrics request to its metrics, one a row; the views of the five kinds read on from there.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_metric_from_otlp TO otlp_metric AS
WITH
    -- A value as text: strings as they are, lists and maps as JSON; what lies too deep is the base64 of its encoding.
    v -> multiIf(
        v.value = 'string_value', toJSONString(v.string_value),
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', if(isFinite(v.double_value), toString(v.double_value), concat('"', toString(v.double_value), '"')),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'bytes_value', concat('"', base64Encode(v.bytes_value), '"'),
        'null') AS json_of_scalar,
    v -> if(v.value IN ('array_value', 'kvlist_value'),
        concat('"', base64Encode(concat(v.array_value, v.kvlist_value)), '"'), json_of_scalar(v)) AS json_of_deepest,
    v -> multiIf(
        v.value = 'array_value', concat('[', arrayStringConcat(arrayMap(x -> json_of_deepest(x), v.array_value.values), ','), ']'),
        v.value = 'kvlist_value', concat('{', arrayStringConcat(arrayMap(x -> concat(toJSONString(x.key), ':', json_of_deepest(x.value)), v.kvlist_value.values), ','), '}'),
        json_of_scalar(v)) AS json_of,
    v -> multiIf(
        v.value = 'string_value', v.string_value,
        v.value = 'int_value', toString(v.int_value),
        v.value = 'double_value', toString(v.double_value),
        v.value = 'bool_value', if(v.bool_value, 'true', 'false'),
        v.value = 'array_value', concat('[', arrayStringConcat(arrayMap(x -> json_of(x), v.array_value.values), ','), ']'),
        v.value = 'kvlist_value', concat('{', arrayStringConcat(arrayMap(x -> concat(toJSONString(x.key), ':', json_of(x.value)), v.kvlist_value.values), ','), '}'),
        v.value = 'bytes_value', base64Encode(v.bytes_value),
        '') AS text_of,
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of
SELECT
    received,
    resource_attributes AS ResourceAttributes,
    resource_schema_url AS ResourceSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    scope_schema_url AS ScopeSchemaUrl,
    metric
FROM
(
    SELECT
        received,
        map_of(resource.attributes) AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        schema_url AS resource_schema_url,
        scope_metrics.scope.name AS scope_name,
        scope_metrics.scope.version AS scope_version,
        map_of(scope_metrics.scope.attributes) AS scope_attributes,
        scope_metrics.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_metrics.schema_url AS scope_schema_url,
        scope_metrics.metrics AS items
    FROM otlp_metrics
)
ARRAY JOIN items AS metric;

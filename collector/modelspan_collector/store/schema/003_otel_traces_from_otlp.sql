-- From OTLP to spans.
CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_from_otlp TO otel_traces AS
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
    attributes -> mapSort(mapFromArrays(attributes.key, arrayMap(v -> text_of(v), attributes.value))) AS map_of,
    -- A clock is believed between 1990 and a day after arrival; else arrival counts, and the table keeps what was sent.
    (sent, received) -> sent < 631152000000000000 OR sent > received + 86400000000000 AS is_wild,
    (sent, received) -> fromUnixTimestamp64Nano(toInt64(if(is_wild(sent, received), received, sent)), 'UTC') AS event_time
SELECT
    event_time(span.start_time_unix_nano, received) AS Timestamp,
    lower(hex(span.trace_id)) AS TraceId,
    lower(hex(span.span_id)) AS SpanId,
    lower(hex(span.parent_span_id)) AS ParentSpanId,
    span.trace_state AS TraceState,
    span.name AS SpanName,
    transform(span.kind, [1, 2, 3, 4, 5], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS SpanKind,
    resource_attributes['service.name'] AS ServiceName,
    resource_attributes AS ResourceAttributes,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    map_of(span.attributes) AS SpanAttributes,
    if(span.end_time_unix_nano > span.start_time_unix_nano, span.end_time_unix_nano - span.start_time_unix_nano, 0) AS Duration,
    transform(span.status.code, [1, 2], ['Ok', 'Error'], 'Unset') AS StatusCode,
    span.status.message AS StatusMessage,
    arrayMap(sent -> fromUnixTimestamp64Nano(toInt64(sent), 'UTC'), span.events.time_unix_nano) AS `Events.Timestamp`,
    span.events.name AS `Events.Name`,
    arrayMap(attributes -> map_of(attributes), span.events.attributes) AS `Events.Attributes`,
    arrayMap(id -> lower(hex(id)), span.links.trace_id) AS `Links.TraceId`,
    arrayMap(id -> lower(hex(id)), span.links.span_id) AS `Links.SpanId`,
    span.links.trace_state AS `Links.TraceState`,
    arrayMap(attributes -> map_of(attributes), span.links.attributes) AS `Links.Attributes`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    scope_attributes AS ScopeAttributes,
    span.flags AS TraceFlags,
    if(is_wild(span.start_time_unix_nano, received), span.start_time_unix_nano, 0) AS OriginalTimestamp,
    if(has(span.attributes.key, 'modelspan.model.name'),
        arrayMap(a -> a.key, arrayFilter(a -> startsWith(a.key, 'modelspan.feature.') AND a.value.value IN ('int_value', 'double_value', 'none'),
            span.attributes)), []) AS NumericFeatures
FROM
(
    SELECT
        received,
        resource_attributes,
        resource_schema_url,
        s.scope.name AS scope_name,
        s.scope.version AS scope_version,
        map_of(s.scope.attributes) AS scope_attributes,
        s.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        s.schema_url AS scope_schema_url,
        s.spans AS items
    FROM
    (
        SELECT
            received,
            map_of(resource.attributes) AS own_attributes,
            if(tenant = '', own_attributes, mapSort(mapUpdate(own_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
            r.schema_url AS resource_schema_url,
            r.resource AS resource,
            r.scope_spans AS scopes
        FROM otlp_traces
        ARRAY JOIN resource_spans AS r
    )
    ARRAY JOIN scopes AS s
)
ARRAY JOIN items AS span;

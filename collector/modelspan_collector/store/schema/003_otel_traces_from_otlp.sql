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
    -- Most maps hold plain values alone, and are read from the columns of those.
    attributes -> mapSort(mapFromArrays(attributes.key, if(
        arrayExists(kind -> kind NOT IN ('string_value', 'int_value', 'double_value', 'bool_value'), attributes.value.value),
        arrayMap(v -> text_of(v), attributes.value),
        arrayMap((kind, s, i, d, b) -> multiIf(kind = 'string_value', s, kind = 'int_value', toString(i), kind = 'double_value', toString(d), if(b, 'true', 'false')),
            attributes.value.value, attributes.value.string_value, attributes.value.int_value, attributes.value.double_value, attributes.value.bool_value)))) AS map_of,
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
        map_of(resource.attributes) AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        schema_url AS resource_schema_url,
        scope_spans.scope.name AS scope_name,
        scope_spans.scope.version AS scope_version,
        map_of(scope_spans.scope.attributes) AS scope_attributes,
        scope_spans.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_spans.schema_url AS scope_schema_url,
        scope_spans.spans AS items
    FROM otlp_traces
)
ARRAY JOIN items AS span;

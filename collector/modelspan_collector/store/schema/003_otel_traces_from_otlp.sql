-- From OTLP to spans.
CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_from_otlp TO otel_traces AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql
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
    span.events.dropped_attributes_count AS `Events.DroppedAttributesCount`,
    arrayMap(id -> lower(hex(id)), span.links.trace_id) AS `Links.TraceId`,
    arrayMap(id -> lower(hex(id)), span.links.span_id) AS `Links.SpanId`,
    span.links.trace_state AS `Links.TraceState`,
    arrayMap(attributes -> map_of(attributes), span.links.attributes) AS `Links.Attributes`,
    span.links.dropped_attributes_count AS `Links.DroppedAttributesCount`,
    span.links.flags AS `Links.Flags`,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    scope_attributes AS ScopeAttributes,
    span.flags AS TraceFlags,
    if(is_wild(span.start_time_unix_nano, received), span.start_time_unix_nano, 0) AS OriginalTimestamp,
    resource_schema_url AS ResourceSchemaUrl,
    resource_dropped_attributes_count AS ResourceDroppedAttrCount,
    scope_schema_url AS ScopeSchemaUrl,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    span.dropped_attributes_count AS DroppedAttributesCount,
    span.dropped_events_count AS DroppedEventsCount,
    span.dropped_links_count AS DroppedLinksCount,
    if(has(span.attributes.key, 'modelspan.model.name'),
        arrayMap(a -> a.key, arrayFilter(a -> startsWith(a.key, 'modelspan.feature.') AND a.value.value IN ('int_value', 'double_value', 'none'),
            span.attributes)), []) AS NumericFeatures
FROM
(
    SELECT
        received,
        map_of(resource.attributes) AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        resource.dropped_attributes_count AS resource_dropped_attributes_count,
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

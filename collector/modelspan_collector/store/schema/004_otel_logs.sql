-- Log records: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_logs/*local*//**//*on_cluster*//**/
(
    Timestamp          DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimestampTime      DateTime('UTC') DEFAULT toDateTime(Timestamp),
    TraceId            String CODEC(ZSTD(1)),
    SpanId             String CODEC(ZSTD(1)),
    TraceFlags         UInt8,
    SeverityText       LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber     UInt8,
    ServiceName        LowCardinality(String) CODEC(ZSTD(1)),
    Body               String CODEC(ZSTD(1)),
    ResourceSchemaUrl  LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl     LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName          String CODEC(ZSTD(1)),
    ScopeVersion       LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes    Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes      Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName          String CODEC(ZSTD(1)),
    ReceivedAt         DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    OriginalTimestamp  UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    ObservedTimestamp  DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ResourceDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = /*replicated*//**/MergeTree/*replica_only*//**/
PARTITION BY if(toDate(Timestamp) + 30 >= toDate(ReceivedAt), toDate(Timestamp), toStartOfYear(Timestamp))
ORDER BY (ServiceName, toStartOfFiveMinutes(Timestamp), Timestamp)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, /*window*/non_replicated_deduplication_window/**/ = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_logs_from_otlp/*to*/ TO /**/otel_logs AS
WITH
    -- include attribute_values.sql,
    -- include event_time.sql,
    if(time_unix_nano != 0, time_unix_nano, observed_time_unix_nano) AS sent
SELECT
    event_time(sent, received) AS Timestamp,
    lower(hex(trace_id)) AS TraceId,
    lower(hex(span_id)) AS SpanId,
    toUInt8(bitAnd(flags, 255)) AS TraceFlags,
    severity_text AS SeverityText,
    toUInt8(bitAnd(severity_number, 255)) AS SeverityNumber,
    resource_attributes['service.name'] AS ServiceName,
    text_of(body) AS Body,
    resource_schema_url AS ResourceSchemaUrl,
    resource_attributes AS ResourceAttributes,
    scope_schema_url AS ScopeSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    map_of(attributes) AS LogAttributes,
    event_name AS EventName,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(sent, received), sent, 0) AS OriginalTimestamp,
    fromUnixTimestamp64Nano(toInt64(observed_time_unix_nano), 'UTC') AS ObservedTimestamp,
    resource_dropped_attributes_count AS ResourceDroppedAttrCount,
    scope_dropped_attributes_count AS ScopeDroppedAttrCount,
    dropped_attributes_count AS DroppedAttributesCount
FROM
(
    SELECT
        received,
        arrayMap(attributes -> map_of(attributes), [resource.attributes, scope_logs.scope.attributes]) AS maps,
        maps[1] AS sent_attributes,
        if(tenant = '', sent_attributes, mapSort(mapUpdate(sent_attributes, map(toLowCardinality('modelspan.tenant'), tenant)))) AS resource_attributes,
        resource.dropped_attributes_count AS resource_dropped_attributes_count,
        schema_url AS resource_schema_url,
        scope_logs.scope.name AS scope_name,
        scope_logs.scope.version AS scope_version,
        maps[2] AS scope_attributes,
        scope_logs.scope.dropped_attributes_count AS scope_dropped_attributes_count,
        scope_logs.schema_url AS scope_schema_url,
        COLUMNS('^scope_logs[.]log_records[.]')
    FROM otlp_logs
)
ARRAY JOIN
    scope_logs.log_records.time_unix_nano AS time_unix_nano,
    scope_logs.log_records.observed_time_unix_nano AS observed_time_unix_nano,
    scope_logs.log_records.severity_number AS severity_number,
    scope_logs.log_records.severity_text AS severity_text,
    scope_logs.log_records.body AS body,
    scope_logs.log_records.attributes AS attributes,
    scope_logs.log_records.dropped_attributes_count AS dropped_attributes_count,
    scope_logs.log_records.flags AS flags,
    scope_logs.log_records.trace_id AS trace_id,
    scope_logs.log_records.span_id AS span_id,
    scope_logs.log_records.event_name AS event_name;

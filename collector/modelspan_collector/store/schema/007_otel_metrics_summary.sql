-- Points of summaries: the columns of the OpenTelemetry Collector's clickhouseexporter, and ours after them.
CREATE TABLE IF NOT EXISTS otel_metrics_summary
(
    ResourceAttributes    Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl     String CODEC(ZSTD(1)),
    ScopeName             String CODEC(ZSTD(1)),
    ScopeVersion          String CODEC(ZSTD(1)),
    ScopeAttributes       Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl        String CODEC(ZSTD(1)),
    ServiceName           LowCardinality(String) CODEC(ZSTD(1)),
    MetricName            LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription     String CODEC(ZSTD(1)),
    MetricUnit            String CODEC(ZSTD(1)),
    Attributes            Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix         DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix              DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Count                 UInt64 CODEC(ZSTD(1)),
    Sum                   Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested
    (
        Quantile Float64,
        Value    Float64
    ) CODEC(ZSTD(1)),
    Flags                 UInt32 CODEC(ZSTD(1)),
    ReceivedAt            DateTime('UTC') DEFAULT now() CODEC(Delta(4), ZSTD(1)),
    OriginalTimestamp     UInt64 CODEC(ZSTD(1)), -- what the client's clock said, where it was out of range and replaced
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY if(toDate(TimeUnix) + 30 >= toDate(ReceivedAt), toDate(TimeUnix), toStartOfYear(TimeUnix))
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
TTL ReceivedAt + INTERVAL 30 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_metrics_summary_from_otlp TO otel_metrics_summary AS
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
    ResourceAttributes,
    ResourceSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    ScopeDroppedAttrCount,
    ScopeSchemaUrl,
    ResourceAttributes['service.name'] AS ServiceName,
    metric.name AS MetricName,
    metric.description AS MetricDescription,
    metric.unit AS MetricUnit,
    map_of(point.attributes) AS Attributes,
    fromUnixTimestamp64Nano(toInt64(point.start_time_unix_nano), 'UTC') AS StartTimeUnix,
    event_time(point.time_unix_nano, received) AS TimeUnix,
    point.count AS Count,
    point.sum AS Sum,
    point.quantile_values.quantile AS `ValueAtQuantiles.Quantile`,
    point.quantile_values.value AS `ValueAtQuantiles.Value`,
    point.flags AS Flags,
    toDateTime(intDiv(received, 1000000000), 'UTC') AS ReceivedAt,
    if(is_wild(point.time_unix_nano, received), point.time_unix_nano, 0) AS OriginalTimestamp
FROM otlp_metric
ARRAY JOIN metric.summary.data_points AS point;

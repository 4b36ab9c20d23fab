-- Spans that follow the conventions become predictions, whoever wrote them: the collector, or another writer of otel_traces.
CREATE MATERIALIZED VIEW IF NOT EXISTS predictions_from_spans/*to*/ TO /**/predictions AS
WITH
    prefix -> mapSort(mapApply((name, text) -> (substring(name, length(prefix) + 1), text),
        mapFilter((name, text) -> startsWith(name, prefix), SpanAttributes))) AS part,
    part('modelspan.feature.') AS features,
    arrayMap(name -> substring(name, length('modelspan.feature.') + 1), NumericFeatures) AS numeric_names,
    mapApply((name, text) -> (name, toFloat64OrNull(text)), mapFilter((name, text) -> has(numeric_names, name), features)) AS numbers,
    ifNull(toFloat64OrNull(SpanAttributes['modelspan.sample_weight']), 1) AS said_weight
SELECT
    SpanAttributes['modelspan.model.name'] AS model,
    SpanAttributes['modelspan.model.version'] AS version,
    if(SpanAttributes['modelspan.model.role'] = '', 'primary', SpanAttributes['modelspan.model.role']) AS role,
    ServiceName AS service,
    Timestamp AS timestamp,
    toDateTime64(ReceivedAt, 3, 'UTC') AS received_at,
    if(SpanAttributes['modelspan.prediction.id'] = '', SpanId, SpanAttributes['modelspan.prediction.id']) AS prediction_id,
    TraceId AS trace_id,
    SpanId AS span_id,
    toFloat64OrNull(SpanAttributes['modelspan.prediction.value']) AS value,
    SpanAttributes['modelspan.prediction.label'] AS label,
    mapApply((name, text) -> (name, toFloat64OrZero(text)), part('modelspan.prediction.score.')) AS scores,
    Duration / 1e9 AS duration,
    multiIf(SpanAttributes['error.type'] != '', SpanAttributes['error.type'],
        StatusCode IN ('Error', 'STATUS_CODE_ERROR'), '_OTHER', '') AS error_type,
    if(isFinite(said_weight) AND said_weight >= 0, said_weight, 1) AS sample_weight,
    mapApply((name, number) -> (name, assumeNotNull(number)), mapFilter((name, number) -> isNotNull(number) AND NOT isNaN(number), numbers)) AS numeric_features,
    mapFilter((name, text) -> NOT has(numeric_names, name), features) AS categorical_features,
    mapKeys(mapFilter((name, number) -> isNull(number) OR isNaN(number), numbers)) AS null_features,
    mapUpdate(part('modelspan.tag.'), mapFilter((name, text) -> text != '', map(
        'tenant', ResourceAttributes['modelspan.tenant'],
        'modelspan.model.project', ResourceAttributes['modelspan.model.project']))) AS tags
FROM otel_traces/*local*//**/
WHERE mapContains(SpanAttributes, 'modelspan.model.name')
    AND SpanAttributes['modelspan.model.name'] != ''
    AND SpanAttributes['modelspan.recorded'] != 'true'
    AND toUInt64OrZero(SpanAttributes['modelspan.batch.size']) <= 1;

-- The sketches of whole days, merged from the hourly ones as these are inserted: a window of weeks then merges a few
-- dozen states a feature, not hundreds. A window takes its whole days from here and the hours around them from there.
CREATE TABLE IF NOT EXISTS feature_profile_days/*local*//**//*on_cluster*//**/
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    segment      LowCardinality(String),
    source       LowCardinality(String),
    feature      LowCardinality(String),
    kind         LowCardinality(String),
    day          DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    weight_class Float32,
    rows         SimpleAggregateFunction(sum, UInt64),
    weight       SimpleAggregateFunction(sum, Float64),
    nans         SimpleAggregateFunction(sum, Float64),
    infinite     SimpleAggregateFunction(sum, Float64),
    zero         SimpleAggregateFunction(sum, Float64),
    negative     SimpleAggregateFunction(sum, Float64),
    minimum      SimpleAggregateFunction(min, Float64),
    maximum      SimpleAggregateFunction(max, Float64),
    total        SimpleAggregateFunction(sum, Float64),
    squares      SimpleAggregateFunction(sum, Float64),
    updated      SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now(),
    newest       SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    points       SimpleAggregateFunction(groupArrayArray, Array(Tuple(value Float64, weight Float64))),
    distinct     AggregateFunction(uniqHLL12, UInt64),
    top          AggregateFunction(approx_top_k(64, 256), String)
)
ENGINE = /*replicated*//**/AggregatingMergeTree/*replica_only*//**/
PARTITION BY toYear(day)
ORDER BY (model, version, segment, day, source, kind, feature, weight_class)
TTL updated + INTERVAL 400 DAY
SETTINGS index_granularity = 256, /*window*/non_replicated_deduplication_window/**/ = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profile_days_from_hours/*to*/ TO /**/feature_profile_days/*local*//**/ AS
SELECT model, version, segment, source, feature, kind, toStartOfDay(hour) AS day, weight_class,
       sum(rows) AS rows, sum(weight) AS weight, sum(nans) AS nans, sum(infinite) AS infinite, sum(zero) AS zero,
       sum(negative) AS negative, min(minimum) AS minimum, max(maximum) AS maximum, sum(total) AS total,
       sum(squares) AS squares, max(updated) AS updated, max(newest) AS newest,
       groupArrayArray(points) AS points,
       uniqHLL12MergeState(distinct) AS distinct,
       approx_top_kMergeState(64, 256)(top) AS top
FROM feature_profiles/*local*//**/
GROUP BY model, version, segment, source, feature, kind, day, weight_class;

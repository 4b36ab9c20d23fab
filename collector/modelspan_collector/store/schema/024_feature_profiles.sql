-- Sketches: mergeable states of every feature and prediction, per hour, kept on insert by the views below.
-- Merged over any hours they give a window's distributions at a cost that does not grow with predictions.
--   points     values at equal steps of rank, each with the weight that it stands for: all values of up to 400 in a block,
--              else 400, so within 1/800 in rank. Merged by putting them together, which adds no error; `condense`
--              (store/sketches.py) thins what many inserts left.
--   top        Space-Saving counters: exact up to 256 different values, else counts with a known bound on their error
--   distinct   HyperLogLog: the number of different values within about 1.6 % (one standard error)
-- Rows of one weight class share a state, so that sampled predictions count with their weight without loss in the sketch.
CREATE TABLE IF NOT EXISTS feature_profiles/*local*//**//*on_cluster*//**/
(
    model        LowCardinality(String),
    version      LowCardinality(String),
    segment      LowCardinality(String), -- '' for all rows, else 'tag.country=DE'
    source       LowCardinality(String), -- feature, prediction (value, label, score.<class>), or model (the rows themselves)
    feature      LowCardinality(String),
    kind         LowCardinality(String), -- numeric, categorical, null, rows
    hour         DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    weight_class Float32,                -- sample_weight to two digits
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
    updated      SimpleAggregateFunction(max, DateTime('UTC')) DEFAULT now(), -- retention counts from arrival
    newest       SimpleAggregateFunction(max, DateTime64(9, 'UTC')),
    points       SimpleAggregateFunction(groupArrayArray, Array(Tuple(value Float64, weight Float64))),
    distinct     AggregateFunction(uniqHLL12, UInt64),
    top          AggregateFunction(approx_top_k(64, 256), String)
)
ENGINE = /*replicated*//**/AggregatingMergeTree/*replica_only*//**/
PARTITION BY toStartOfMonth(hour)
ORDER BY (model, version, segment, toStartOfDay(hour), source, kind, feature, hour, weight_class)
TTL updated + INTERVAL 400 DAY
SETTINGS index_granularity = 256, /*window*/non_replicated_deduplication_window/**/ = 10000;

-- Sketches of prediction records, as the collector makes them from columns: what the views of 025_feature_profile_views.sql
-- make of rows of other writers. Here they only pass, and get the states that the engine alone makes.
CREATE TABLE IF NOT EXISTS record_profiles/*on_cluster*//**/
(
    model          LowCardinality(String),
    version        LowCardinality(String),
    segment        LowCardinality(String),
    source         LowCardinality(String),
    feature        LowCardinality(String),
    kind           LowCardinality(String),
    hour           DateTime('UTC'),
    weight_class   Float32,
    rows           UInt64,
    weight         Float64,
    nans           Float64,
    infinite       Float64,
    zero           Float64,
    negative       Float64,
    minimum        Float64,
    maximum        Float64,
    total          Float64,
    squares        Float64,
    newest         DateTime64(9, 'UTC'),
    points         Array(Float64),
    point_weight   Float64,           -- of each point
    numbers        Array(Float64),    -- each different one
    texts          Array(String),     -- each different one, the most frequent first; of rows: their ids
    counts         Array(UInt64),     -- rows of each text that may be among the most frequent
    segment_number Nullable(Float64)  -- stands behind the segment's text, as the engine spells numbers
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS profiles_from_records/*to*/ TO /**/feature_profiles AS
SELECT model, version, concat(segment, ifNull(toString(segment_number), '')) AS segment, source, feature, kind, hour,
       weight_class, rows, weight, nans, infinite, zero, negative, minimum, maximum, total, squares, newest,
       arrayMap(value -> (value, point_weight), points) AS points,
       arrayReduce('uniqHLL12State', arrayConcat(
           arrayMap(number -> cityHash64(number), numbers), arrayMap(text -> cityHash64(text), texts))) AS distinct,
       arrayReduce('approx_top_kState(64, 256)',
           arrayFlatten(arrayMap((text, n) -> arrayWithConstant(n, text), texts, counts))) AS top
FROM record_profiles;

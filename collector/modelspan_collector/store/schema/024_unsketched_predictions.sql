-- The rows of predictions that came without sketches, on their way to the views that make them. Prediction records come with
-- theirs (027_record_profiles.sql): where nothing passes here, the engine does not even look at those views, which would cost
-- more than the rows of a small insert.
CREATE TABLE IF NOT EXISTS unsketched_predictions/*on_cluster*//**/
(
    model                LowCardinality(String),
    version              LowCardinality(String),
    timestamp            DateTime64(9, 'UTC'),
    prediction_id        String,
    value                Nullable(Float64),
    label                LowCardinality(String),
    scores               Map(LowCardinality(String), Float64),
    error_type           LowCardinality(String),
    sample_weight        Float64,
    numeric_features     Map(LowCardinality(String), Float64),
    categorical_features Map(LowCardinality(String), String),
    null_features        Array(LowCardinality(String)),
    tags                 Map(LowCardinality(String), String)
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS unsketched_from_predictions/*to*/ TO /**/unsketched_predictions AS
SELECT model, version, timestamp, prediction_id, value, label, scores, error_type,
       if(isFinite(p.sample_weight) AND p.sample_weight >= 0, p.sample_weight, 1) AS sample_weight, numeric_features,
       categorical_features, null_features, tags
FROM predictions/*local*//**/ AS p
WHERE NOT sketched;

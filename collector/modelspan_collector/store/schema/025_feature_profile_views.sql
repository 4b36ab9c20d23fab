-- The views that keep feature_profiles on insert: one a shape of data, each a single pass over the inserted block, of rows
-- that came without sketches (024_unsketched_predictions.sql).
-- The places marked with comments are filled by the views of a configured segment: store/segments.py.
CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_numeric/*suffix*//**//*to*/ TO /**/feature_profiles/*local*//**/ AS
WITH arraySort(groupArrayIf(number, isFinite(number))) AS sorted, least(length(sorted), 400) AS kept
SELECT model, version, /*segment*/'' AS segment/**/, 'feature' AS source, name AS feature, 'numeric' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight,
       sumIf(sample_weight, isNaN(number)) AS nans, sumIf(sample_weight, isInfinite(number)) AS infinite,
       sumIf(sample_weight, number = 0) AS zero, sumIf(sample_weight, number < 0) AS negative,
       min(if(isFinite(number), number, inf)) AS minimum, max(if(isFinite(number), number, -inf)) AS maximum,
       sumIf(sample_weight * number, isFinite(number)) AS total,
       sumIf(sample_weight * number * number, isFinite(number)) AS squares,
       arrayMap(i -> (sorted[intDiv((2 * i + 1) * length(sorted), 2 * kept) + 1],
                      sumIf(sample_weight, isFinite(number)) / kept), range(kept)) AS points,
       uniqHLL12State(cityHash64(number)) AS distinct
FROM (
    SELECT model, version/*key*//**/, toStartOfHour(timestamp) AS hour, sample_weight, numeric_features,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM /*rows*/unsketched_predictions/**/
)
ARRAY JOIN mapKeys(numeric_features) AS name, mapValues(numeric_features) AS number
GROUP BY model, version/*key*//**/, hour, weight_class, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_categorical/*suffix*//**//*to*/ TO /**/feature_profiles/*local*//**/ AS
SELECT model, version, /*segment*/'' AS segment/**/, 'feature' AS source, name AS feature, 'categorical' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight, sumIf(sample_weight, text = '') AS zero,
       uniqHLL12State(cityHash64(text)) AS distinct,
       approx_top_kState(64, 256)(text) AS top
FROM (
    SELECT model, version/*key*//**/, toStartOfHour(timestamp) AS hour, sample_weight, categorical_features,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM /*rows*/unsketched_predictions/**/
)
ARRAY JOIN mapKeys(categorical_features) AS name, mapValues(categorical_features) AS text
GROUP BY model, version/*key*//**/, hour, weight_class, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_null/*suffix*//**//*to*/ TO /**/feature_profiles/*local*//**/ AS
SELECT model, version, /*segment*/'' AS segment/**/, 'feature' AS source, name AS feature, 'null' AS kind,
       toStartOfHour(timestamp) AS hour, toFloat32(1) AS weight_class, count() AS rows, sum(sample_weight) AS weight
FROM /*rows*/unsketched_predictions/**/
ARRAY JOIN null_features AS name
GROUP BY model, version/*key*//**/, hour, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_prediction/*to*/ TO /**/feature_profiles/*local*//**/ AS
WITH arraySort(groupArrayIf(number, isFinite(number))) AS sorted, least(length(sorted), 400) AS kept
SELECT model, version, '' AS segment, 'prediction' AS source, name AS feature, 'numeric' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight,
       sumIf(sample_weight, isNaN(number)) AS nans, sumIf(sample_weight, isInfinite(number)) AS infinite,
       sumIf(sample_weight, number = 0) AS zero, sumIf(sample_weight, number < 0) AS negative,
       min(if(isFinite(number), number, inf)) AS minimum, max(if(isFinite(number), number, -inf)) AS maximum,
       sumIf(sample_weight * number, isFinite(number)) AS total,
       sumIf(sample_weight * number * number, isFinite(number)) AS squares,
       arrayMap(i -> (sorted[intDiv((2 * i + 1) * length(sorted), 2 * kept) + 1],
                      sumIf(sample_weight, isFinite(number)) / kept), range(kept)) AS points,
       uniqHLL12State(cityHash64(number)) AS distinct
FROM (
    SELECT model, version, toStartOfHour(timestamp) AS hour, sample_weight,
           arrayConcat(if(value IS NULL, [], ['value']), arrayMap(class -> concat('score.', class), mapKeys(scores))) AS names,
           arrayConcat(if(value IS NULL, [], [assumeNotNull(value)]), mapValues(scores)) AS numbers,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM unsketched_predictions
)
ARRAY JOIN names AS name, numbers AS number
GROUP BY model, version, hour, weight_class, name;

CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_label/*to*/ TO /**/feature_profiles/*local*//**/ AS
SELECT model, version, '' AS segment, 'prediction' AS source, 'label' AS feature, 'categorical' AS kind, hour, weight_class,
       count() AS rows, sum(sample_weight) AS weight,
       uniqHLL12State(cityHash64(text)) AS distinct,
       approx_top_kState(64, 256)(text) AS top
FROM (
    SELECT model, version, toStartOfHour(timestamp) AS hour, sample_weight, toString(label) AS text,
           toFloat32(round(sample_weight, 1 - toInt32(floor(log10(greatest(sample_weight, 1e-9)))))) AS weight_class
    FROM unsketched_predictions
    WHERE label != ''
)
GROUP BY model, version, hour, weight_class;

-- The rows themselves: how many, the newest, how many failed (zero), and how many different ids.
CREATE MATERIALIZED VIEW IF NOT EXISTS feature_profiles_rows/*suffix*//**//*to*/ TO /**/feature_profiles/*local*//**/ AS
SELECT model, version, /*segment*/'' AS segment/**/, 'model' AS source, '' AS feature, 'rows' AS kind,
       toStartOfHour(timestamp) AS hour, toFloat32(1) AS weight_class,
       count() AS rows, sum(sample_weight) AS weight, sumIf(sample_weight, error_type != '') AS zero,
       max(timestamp) AS newest,
       uniqHLL12State(cityHash64(prediction_id)) AS distinct
FROM /*rows*/unsketched_predictions/**/
GROUP BY model, version/*key*//**/, hour;

-- What the windows of one feature hold, by hour, day or week, from sketches: the rows that `drift` compares, to be asked
-- as `SELECT * FROM feature_windows(model = 'churn', feature = 'age', grain = 'day')`. One row a window of a version that
-- has a value; `prediction.value` and `prediction.label` are the answers. What no sketch is of is an error that names
-- what there is: no row would say that none came.
CREATE VIEW IF NOT EXISTS feature_windows/*on_cluster*//**/ AS
WITH
    (
        SELECT arraySort(one -> (editDistance(one, {feature:String}), one), groupUniqArray(
                   concat(if(source = 'feature', '', 'prediction.'), feature)))
        FROM feature_profile_days WHERE model = {model:String} AND source IN ('feature', 'prediction')
    ) AS there,
    (
        SELECT throwIf(NOT has(there, {feature:String}),
                       if(empty(there), concat('there is no model ', {model:String}, ' with predictions'),
                          concat('there is no feature ', {feature:String}, ' of ', {model:String}, '; it has ',
                                 arrayStringConcat(arraySlice(there, 1, 10), ', '))))
    ) AS unknown,
    startsWith({feature:String}, 'prediction.') AS of_answers,
    if(of_answers, substring({feature:String}, 12), {feature:String}) AS name,
    sketches AS (
        SELECT version, hour AS at, source, kind, weight_class, rows, weight, nans, infinite, total, points, top
        FROM feature_profiles
        WHERE unknown = 0 AND {grain:String} = 'hour' AND model = {model:String} AND segment = ''
          AND ((source = if(of_answers, 'prediction', 'feature') AND feature = name)
               OR (source = 'model' AND kind = 'rows'))
        UNION ALL
        SELECT version, if({grain:String} = 'week', toDateTime(toMonday(day, 'UTC'), 'UTC'), day) AS at, source, kind,
               weight_class, rows, weight, nans, infinite, total, points, top
        FROM feature_profile_days
        WHERE unknown = 0 AND throwIf({grain:String} NOT IN ('hour', 'day', 'week'), 'grain is hour, day or week') = 0
          AND {grain:String} != 'hour' AND model = {model:String} AND segment = ''
          AND ((source = if(of_answers, 'prediction', 'feature') AND feature = name)
               OR (source = 'model' AND kind = 'rows'))
    ),
    categories AS (
        SELECT version, at, sumMap(CAST(arrayMap(one -> (one.item, scale * (one.count - one.error)), counters),
                                        'Map(String, Float64)')) AS texts
        FROM (
            SELECT version, at, weight_class, sum(weight) / sum(rows) AS scale,
                   approx_top_kMerge(64, 256)(top) AS counters
            FROM sketches WHERE kind = 'categorical' GROUP BY version, at, weight_class
        )
        GROUP BY version, at
    ),
    sums AS (
        SELECT version, at, sumIf(weight, source = 'model') AS all_rows, sumIf(weight, kind = 'numeric') AS numeric,
               sumIf(weight, kind = 'categorical') AS textual, sumIf(weight, kind = 'null') AS nulls,
               sumIf(infinite, kind = 'numeric') AS endless, sumIf(nans, kind = 'numeric') AS undefined,
               sumIf(total, kind = 'numeric') AS sum_of_values, groupArrayArrayIf(points, kind = 'numeric') AS points
        FROM sketches GROUP BY version, at
        HAVING numeric + textual + nulls > 0
    )
SELECT s.version AS version, s.at AS window_start, all_rows AS rows,
       if(of_answers, nulls, greatest(0, all_rows - numeric - textual)) + undefined AS missing,
       numeric, textual, endless, numeric - undefined - endless AS finite,
       if(finite > 0, sum_of_values / finite, NULL) AS mean,
       points.1 AS values, points.2 AS weights, c.texts AS categories
FROM sums AS s LEFT JOIN categories AS c ON c.version = s.version AND c.at = s.at;

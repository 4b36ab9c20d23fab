-- How one feature moved: `SELECT * FROM drift(model = 'churn', feature = 'age', grain = 'day')`, where a grain is hour, day
-- or week. One row a window of a version: its population stability index beside the baseline that is active now, and
-- beside the window before it, which began at `before`; NULL where there is nothing to compare with. What is not
-- `complete` goes on: more rows are to come.
CREATE VIEW IF NOT EXISTS drift/*on_cluster*//**/ AS
WITH
    windows AS (
        SELECT version, window_start, rows, missing, numeric + textual + missing AS all_values, mean,
               (values, weights, categories, textual, endless, missing, numeric) AS held
        FROM feature_windows(model = {model:String}, feature = {feature:String}, grain = {grain:String})
    ),
    -- as the monitors choose it: set for the version, else for every one, else learnt
    active AS (
        SELECT v.version AS version,
               argMax(b.baseline_id, (multiIf(of_every, 2, b.kind != 'learnt', 3, 1), b.created_at)) AS baseline_id
        FROM (SELECT DISTINCT version FROM windows) AS v
        CROSS JOIN (
            SELECT *, version = '' AND kind != 'learnt' AND NOT JSONExtractBool(details, 'versionless') AS of_every
            FROM baselines FINAL WHERE model = {model:String}
        ) AS b
        WHERE of_every OR b.version = v.version
        GROUP BY version
    ),
    given AS (
        SELECT baseline_id, sample_weight AS weight,
               multiIf({feature:String} = 'prediction.value', value,
                       mapContains(numeric_features, {feature:String}), numeric_features[{feature:String}], NULL) AS number,
               multiIf({feature:String} = 'prediction.label', nullIf(toString(label), ''),
                       mapContains(categorical_features, {feature:String}), categorical_features[{feature:String}],
                       NULL) AS text
        FROM reference_predictions
        WHERE model = {model:String} AND baseline_id IN (SELECT baseline_id FROM active)
    ),
    baseline AS (
        SELECT baseline_id,
               (groupArrayIf(assumeNotNull(number), ifNull(isFinite(number), 0)),
                groupArrayIf(weight, ifNull(isFinite(number), 0)),
                sumMapIf(map(assumeNotNull(text), weight), isNotNull(text)),
                sumIf(weight, isNotNull(text)), sumIf(weight, ifNull(isInfinite(number), 0)),
                sumIf(weight, isNull(text) AND ifNull(isNaN(number), 1)), sumIf(weight, isNotNull(number))) AS held
        FROM given GROUP BY baseline_id
        UNION ALL
        SELECT baseline_id,
               (points, arrayMap(each -> each * (numbers - infinite) / arraySum(weights), weights), categories,
                toFloat64(texts), toFloat64(infinite), toFloat64(missing), toFloat64(numbers)) AS held
        FROM reference_profiles
        WHERE model = {model:String} AND baseline_id IN (SELECT baseline_id FROM active)
          AND concat(if(source = 'feature', '', 'prediction.'), feature) = {feature:String}
    ),
    pairs AS (
        SELECT w.version AS version, window_start, 'baseline' AS against, b.held AS reference, w.held AS current,
               window_start AS since
        FROM windows AS w INNER JOIN active AS a ON a.version = w.version
        INNER JOIN baseline AS b ON b.baseline_id = a.baseline_id
        UNION ALL
        SELECT version, window_start, 'before', earlier, held, since FROM (
            SELECT version, window_start, held, lagInFrame(held) OVER one AS earlier,
                   lagInFrame(window_start) OVER one AS since, row_number() OVER one AS place
            FROM windows
            WINDOW one AS (PARTITION BY version ORDER BY window_start ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        ) WHERE place > 1
    ),
    -- bins of the reference: one a value of ten or fewer, else its deciles; of texts, its 30 commonest
    binned AS (
        SELECT version, window_start, against, since, reference, current, reference.7 >= reference.4 AS of_numbers,
               arraySort(arrayDistinct(reference.1)) AS different, length(different) <= 10 AS few,
               arraySort(arrayZip(reference.1, reference.2)) AS ordered, arrayCumSum(ordered.2) AS cumulated,
               arrayMap(level -> ordered.1[arrayFirstIndex(
                   upto -> upto >= level / 10 * cumulated[-1] * 0.999999999, cumulated)], range(1, 10)) AS deciles,
               if(few, different, arrayDistinct(arrayFilter(one -> one < different[-1], deciles))) AS edges,
               arraySlice(arraySort(one -> (-reference.3[one], one), mapKeys(reference.3)), 1, 30) AS common
        FROM pairs
        WHERE reference.4 + reference.7 > 0
    ),
    counted AS (
        SELECT version, window_start, against, since, side,
               arrayMap(edge -> arraySum((x, w) -> if(x <= edge, w, 0), held.1, held.2), edges) AS below,
               arrayMap(edge -> if(few, arraySum((x, w) -> if(x = edge, w, 0), held.1, held.2), 0), edges) AS on_edge,
               arrayMap(one -> held.3[one], common) AS known,
               if(of_numbers,
                  arrayConcat(arrayMap((upto, earlier, own) -> upto - earlier - own, below,
                                       arraySlice(arrayPushFront(below, 0), 1, length(below)), on_edge),
                              if(few, on_edge, []), [arraySum(held.2) - if(empty(below), 0, below[-1])],
                              [held.4 + held.5, held.6]),
                  arrayConcat(known, [greatest(0, held.4 - arraySum(known)), held.7, held.6])) AS counts
        FROM binned ARRAY JOIN [reference, current] AS held, [1, 2] AS side
    ),
    indices AS (
        SELECT version, window_start, against, any(since) AS began,
               arrayZip(anyIf(counts, side = 1), anyIf(counts, side = 2)) AS bins,
               arrayFilter(one -> greatest(one.1, one.2) > 1e-6, bins) AS used,
               arrayMap(one -> if(one > 1e-6, one, 0.5) / arraySum(bins.1), used.1) AS p,
               arrayMap(one -> if(one > 1e-6, one, 0.5) / arraySum(bins.2), used.2) AS q,
               if(least(arraySum(bins.1), arraySum(bins.2)) > 0,
                  arraySum((x, y) -> (x - y) * log(x / y), p, q), NULL) AS psi
        FROM counted GROUP BY version, window_start, against
    ),
    beside AS (
        SELECT version, window_start, anyIf(psi, against = 'baseline') AS psi_baseline,
               anyIf(psi, against = 'before') AS psi_before, maxIf(toNullable(began), against = 'before') AS before
        FROM indices GROUP BY version, window_start
    )
SELECT w.version AS version, w.window_start AS window_start, {grain:String} AS grain, w.rows AS rows,
       w.missing / w.all_values AS missing, w.mean AS mean, i.psi_baseline AS psi_baseline, i.psi_before AS psi_before,
       i.before AS before, a.baseline_id AS baseline_id,
       CAST(toUnixTimestamp(w.window_start) + multiIf({grain:String} = 'hour', 3600, {grain:String} = 'day', 86400, 604800)
           <= toUnixTimestamp(now()) AS Bool) AS complete
FROM windows AS w
LEFT JOIN active AS a ON a.version = w.version
LEFT JOIN beside AS i ON i.version = w.version AND i.window_start = w.window_start
ORDER BY version, window_start;

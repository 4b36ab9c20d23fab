-- How each champion and challenger stand, by the newest window: one row a measure of an experiment.
CREATE VIEW IF NOT EXISTS experiments/*on_cluster*//**/ AS
SELECT model, version, splitByChar('.', toString(metric))[1] AS experiment,
       substring(toString(metric), length(splitByChar('.', toString(metric))[1]) + 2) AS measure,
       JSONExtractString(details, 'champion') AS champion, JSONExtractString(details, 'challenger') AS challenger,
       verdict, JSONExtractString(details, 'decided') AS decided, value AS difference, lower, upper, threshold,
       JSONExtractUInt(details, 'predictions') AS predictions, window_end, reason
FROM monitor_results FINAL
WHERE signal = 'experiments'
ORDER BY model, version, metric, window_end DESC
LIMIT 1 BY model, version, metric;

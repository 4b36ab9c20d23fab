-- What became known of predictions, a row for each and each of its outcomes: the label, and others by their names. Of a
-- tenant's prediction its own counts, else nobody's.
CREATE VIEW IF NOT EXISTS outcomes/*on_cluster*//**/ AS
SELECT p.model AS model, p.version AS version, p.prediction_id AS prediction_id, p.timestamp AS timestamp,
       p.value AS predicted_value, p.label AS predicted_label, p.sample_weight AS sample_weight, p.tags AS tags,
       p.numeric_features AS numeric_features, p.categorical_features AS categorical_features,
       if(l.outcome = '', 'label', toString(l.outcome)) AS outcome, l.value AS value, l.label AS label,
       l.timestamp AS known_at
FROM predictions AS p
INNER JOIN (SELECT prediction_id, tenant, outcome, value, label, timestamp FROM labels FINAL) AS l
    ON p.prediction_id = l.prediction_id
WHERE p.error_type = ''
  AND (l.tenant = p.tags['tenant'] OR (l.tenant = '' AND (l.prediction_id, toString(l.outcome), p.tags['tenant']) NOT IN (
      SELECT prediction_id, toString(outcome), toString(tenant) FROM labels WHERE tenant != '')));

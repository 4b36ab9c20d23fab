-- A prediction has outcomes beside its label. What was stored before are labels.
ALTER TABLE labels ADD COLUMN IF NOT EXISTS outcome LowCardinality(String), MODIFY ORDER BY (prediction_id, tenant, outcome);

-- Tenants of one database have labels and model cards of their own. What was stored before is nobody's: whose it was is not known.
ALTER TABLE labels ADD COLUMN IF NOT EXISTS tenant LowCardinality(String), MODIFY ORDER BY (prediction_id, tenant);
ALTER TABLE models ADD COLUMN IF NOT EXISTS tenant LowCardinality(String), MODIFY ORDER BY (model, version, tenant);

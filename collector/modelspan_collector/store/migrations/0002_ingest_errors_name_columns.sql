-- What is left out is named: the model and the column that it is about.
ALTER TABLE ingest_errors ADD COLUMN IF NOT EXISTS model LowCardinality(String) AFTER service;
ALTER TABLE ingest_errors ADD COLUMN IF NOT EXISTS column_name String AFTER model;

-- Models that belong together say so on their cards.
ALTER TABLE models ADD COLUMN IF NOT EXISTS project LowCardinality(String);

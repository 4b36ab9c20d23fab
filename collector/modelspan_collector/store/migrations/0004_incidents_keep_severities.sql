-- A rise in severity adds an alert, and ends none: an incident remembers every severity that it has had.
ALTER TABLE incidents ADD COLUMN IF NOT EXISTS severities Array(LowCardinality(String)) AFTER severity;

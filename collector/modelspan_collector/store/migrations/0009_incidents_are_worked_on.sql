-- What people do about an incident is kept as events with who did it; the incident's row says what follows from them.
ALTER TABLE incidents
    ADD COLUMN IF NOT EXISTS acknowledged_at Nullable(DateTime64(3, 'UTC')), ADD COLUMN IF NOT EXISTS acknowledged_by String,
    ADD COLUMN IF NOT EXISTS assignee String, ADD COLUMN IF NOT EXISTS action String,
    ADD COLUMN IF NOT EXISTS outcome String, ADD COLUMN IF NOT EXISTS closed_by String;
ALTER TABLE incident_events ADD COLUMN IF NOT EXISTS actor String, ADD COLUMN IF NOT EXISTS value String;

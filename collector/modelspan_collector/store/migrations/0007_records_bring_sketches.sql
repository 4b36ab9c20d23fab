-- Prediction records come with their sketches.
ALTER TABLE predictions ADD COLUMN IF NOT EXISTS sketched Bool AFTER tags;

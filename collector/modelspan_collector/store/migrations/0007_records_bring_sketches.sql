-- Prediction records come with their sketches: views make those of other rows only. Those of segments stay as they are.
ALTER TABLE predictions ADD COLUMN IF NOT EXISTS sketched Bool AFTER tags;
DROP VIEW IF EXISTS feature_profiles_numeric;
DROP VIEW IF EXISTS feature_profiles_categorical;
DROP VIEW IF EXISTS feature_profiles_null;
DROP VIEW IF EXISTS feature_profiles_prediction;
DROP VIEW IF EXISTS feature_profiles_label;
DROP VIEW IF EXISTS feature_profiles_rows;

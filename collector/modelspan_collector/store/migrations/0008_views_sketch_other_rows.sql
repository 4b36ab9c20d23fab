-- Views sketch the rows that come without sketches only. Those of segments sketch all, and stay.
DROP VIEW IF EXISTS feature_profiles_numeric;
DROP VIEW IF EXISTS feature_profiles_categorical;
DROP VIEW IF EXISTS feature_profiles_null;
DROP VIEW IF EXISTS feature_profiles_prediction;
DROP VIEW IF EXISTS feature_profiles_label;
DROP VIEW IF EXISTS feature_profiles_rows;

-- Prediction records come with the sketches of segments, too: these keep no rows, and are made anew with what that takes.
-- Views of segments that are there sketch records as well, and stay until the analyzer makes them anew; so long the
-- collector leaves segments to them.
DROP VIEW IF EXISTS feature_profiles_numeric;
DROP VIEW IF EXISTS feature_profiles_categorical;
DROP VIEW IF EXISTS feature_profiles_null;
DROP VIEW IF EXISTS feature_profiles_prediction;
DROP VIEW IF EXISTS feature_profiles_label;
DROP VIEW IF EXISTS feature_profiles_rows;
DROP VIEW IF EXISTS unsketched_from_predictions;
DROP TABLE IF EXISTS unsketched_predictions;
DROP VIEW IF EXISTS profiles_from_records;
DROP TABLE IF EXISTS record_profiles;

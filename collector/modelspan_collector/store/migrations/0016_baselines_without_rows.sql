-- A baseline may be columns without rows (`reference_profiles`), which this view compares with too. It keeps no rows, and is
-- made anew.
DROP VIEW IF EXISTS drift;

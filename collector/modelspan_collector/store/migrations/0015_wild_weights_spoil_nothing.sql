-- A weight that is negative or no finite number counts as 1, whoever wrote it: an infinite one failed the sketches of an insert
-- after its rows were written, and all of them were written again. These views keep no rows, and are made anew.
DROP VIEW IF EXISTS predictions_from_spans;
DROP VIEW IF EXISTS unsketched_from_predictions;

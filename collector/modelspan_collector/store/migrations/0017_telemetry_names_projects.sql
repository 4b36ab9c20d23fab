-- Telemetry says which project a model is part of, and `drift` whether a window is over.
DROP VIEW IF EXISTS predictions_from_spans;
DROP VIEW IF EXISTS drift;

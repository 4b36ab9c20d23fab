"""Performance without labels: expected counts from calibrated scores, expected losses from a model of losses."""

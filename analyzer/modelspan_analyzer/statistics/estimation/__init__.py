"""Performance without labels: calibrated scores, expected counts, expected losses."""

"""Measures of performance from counts, with their intervals: classification, regression, ranking, calibration."""

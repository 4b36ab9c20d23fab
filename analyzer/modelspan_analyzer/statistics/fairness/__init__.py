"""Measures of fairness from counts per group, truth and prediction."""

"""Realised performance: measures of predictions against labels that came in time, late, in part or corrected."""

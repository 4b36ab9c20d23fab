"""Fairness: every measure from counts per group, truth and prediction, which one scan of the store gives."""

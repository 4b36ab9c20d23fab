"""Drift: the features and the answers against the baseline, as a whole and by slice."""

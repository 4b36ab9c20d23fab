"""Predictions joined with what was true, as counts and as small matrices."""

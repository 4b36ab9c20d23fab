"""Drift of features that are vectors."""

"""Drift of all features together."""

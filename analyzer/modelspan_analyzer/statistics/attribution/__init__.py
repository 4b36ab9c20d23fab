"""Measures of attributions: do the reasons keep their order."""

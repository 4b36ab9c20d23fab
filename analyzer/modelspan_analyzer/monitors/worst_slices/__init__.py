"""Slices in which a model does worst, of one attribute or two."""

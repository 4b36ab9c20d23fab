"""Bounded samples of rows, for measures that need whole rows rather than counts."""

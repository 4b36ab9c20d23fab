"""Profiles of whylogs: their bytes, read without whylogs, and what they tell of columns."""

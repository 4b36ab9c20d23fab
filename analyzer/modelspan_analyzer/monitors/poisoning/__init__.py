"""Hints of poisoning and probing."""

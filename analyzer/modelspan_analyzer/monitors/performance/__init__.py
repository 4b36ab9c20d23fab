"""Realised performance, judged against the baseline and fixed bounds."""

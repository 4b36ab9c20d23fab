"""Residuals of labelled rows, and where they differ from the baseline's."""

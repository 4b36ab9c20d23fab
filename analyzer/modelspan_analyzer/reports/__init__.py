"""Reports of a model, made of its view: for the file, for its owner, and as data."""

from modelspan_analyzer.reports.write import FORMS, write

__all__ = ["FORMS", "write"]

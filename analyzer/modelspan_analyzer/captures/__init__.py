"""What others captured of predictions, as the same typed columns that `files/` gives: one module a format."""

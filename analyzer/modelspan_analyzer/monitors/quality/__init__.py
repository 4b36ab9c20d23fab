"""Data quality: what is wrong with the values that arrive, judged against what the baseline led to expect."""

"""What the store says of predictions, labels and baselines: the one place that writes such SQL."""

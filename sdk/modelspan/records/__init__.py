"""Prediction records: calls in, Arrow streams out. Nothing here touches a network."""

"""Replay: a history of predictions through the real pipeline, and what the monitors would have said of it."""

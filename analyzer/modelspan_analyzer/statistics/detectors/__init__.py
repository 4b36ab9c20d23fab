"""Change detectors over a series of windows: they find the moment of a change, without a baseline."""

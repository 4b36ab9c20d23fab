"""Has the relation of inputs and outcomes changed: label shift, concept drift by feature, calibration drift."""

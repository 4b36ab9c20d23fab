"""From the log into the store: one segment, one insert."""

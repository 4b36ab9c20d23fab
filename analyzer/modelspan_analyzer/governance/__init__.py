"""Who changed what, and how a person is forgotten."""

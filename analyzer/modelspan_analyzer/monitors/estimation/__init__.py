"""Performance without labels, judged before they come."""

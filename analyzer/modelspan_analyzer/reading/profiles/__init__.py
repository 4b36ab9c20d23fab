"""What a column looks like over a stretch of time: from sketches, or exactly from rows."""

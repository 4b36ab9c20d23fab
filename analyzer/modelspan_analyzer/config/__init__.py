"""`monitors.yaml`: typed, strict, and with messages that name the line and the fix."""

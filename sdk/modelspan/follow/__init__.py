"""Libraries followed without code: instrumentors that `opentelemetry-instrument` finds, one a library."""

"""Records on their way: buffers, background threads, OTLP over HTTP."""

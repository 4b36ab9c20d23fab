"""What the loggers of serving platforms send, live: requests and answers as CloudEvents, which become predictions."""

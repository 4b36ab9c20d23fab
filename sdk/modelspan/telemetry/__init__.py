"""Spans and metrics, through the OpenTelemetry API and the providers that the application has set."""

"""OTLP out: to the APM that a team already has."""

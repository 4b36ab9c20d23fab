"""The collector: OTLP in, durable log, ClickHouse out."""

"""OTLP in: gRPC and HTTP, decoded, validated and answered."""

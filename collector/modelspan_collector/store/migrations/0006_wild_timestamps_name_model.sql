-- What is said of a clock that was not believed names the model and which way it was off.
DROP VIEW IF EXISTS ingest_errors_from_otel_traces;
DROP VIEW IF EXISTS ingest_errors_from_otel_logs;
DROP VIEW IF EXISTS ingest_errors_from_otel_metrics_gauge;
DROP VIEW IF EXISTS ingest_errors_from_otel_metrics_sum;
DROP VIEW IF EXISTS ingest_errors_from_otel_metrics_histogram;
DROP VIEW IF EXISTS ingest_errors_from_otel_metrics_exponential_histogram;
DROP VIEW IF EXISTS ingest_errors_from_otel_metrics_summary;
-- Of records the collector itself says it.
DROP VIEW IF EXISTS ingest_errors_from_predictions;

// Exports all three signals with the Node OpenTelemetry SDK. Arguments: protocol (proto | grpc), endpoint.
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const [protocol, url] = process.argv.slice(2);
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { trace, metrics } = require("@opentelemetry/api");
const { logs } = require("@opentelemetry/api-logs");
const { PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${protocol}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${protocol}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${protocol}`);

const at = (path) => ({ url: protocol === "proto" ? `${url}/v1/${path}` : url });
const logProcessor = () => {
  const exporter = new OTLPLogExporter(at("logs"));
  try { return new BatchLogRecordProcessor({ exporter }); } catch { return new BatchLogRecordProcessor(exporter); }
};
const sdk = new NodeSDK({
  serviceName: `node-${protocol}`,
  traceExporter: new OTLPTraceExporter(at("traces")),
  metricReaders: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(at("metrics")) })],
  logRecordProcessors: [logProcessor()],
});
sdk.start();
trace.getTracer("test").startActiveSpan("predict churn", (span) => {
  span.setAttributes({
    "modelspan.model.name": "churn",
    "modelspan.model.version": "node",
    "modelspan.prediction.id": `node-${protocol}`,
    "modelspan.prediction.value": 0.75,
    "modelspan.feature.age": 39,
    "modelspan.feature.city": "Oslo",
  });
  logs.getLogger("test").emit({ body: "hello from node", severityNumber: 9 });
  span.end();
});
metrics.getMeter("test").createCounter("requests").add(3);
await sdk.shutdown();

"""Producers of the benchmark: requests encoded once and made different by a few bytes each, so that the client costs
little.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MARK = b"\xfe\xed\xfa\xce" * 4
"""Stands in the template where every request gets 16 random bytes of its own."""


@dataclass(frozen=True, slots=True)
class Template:
    """A request and the items that it holds."""

    path: str
    body: bytes
    items: int

    def fresh(self) -> bytes:
        """The request, different from every other."""
        return self.body.replace(MARK, random.randbytes(16), 1)


def spans(count: int = 5000, attributes: int = 20) -> Template:
    """A request of spans as a web service's SDK sends them: numbers, short strings, a few of high cardinality."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    for name, value in (("service.name", "checkout"), ("host.name", "web-1"), ("deployment.environment.name", "prod")):
        resource.resource.attributes.add(key=name).value.string_value = value
    scope = resource.scope_spans.add()
    scope.scope.name = "benchmark"
    now = time.time_ns()
    for index in range(count):
        span = scope.spans.add(
            trace_id=MARK if index == 0 else random.randbytes(16),
            span_id=random.randbytes(8),
            parent_span_id=random.randbytes(8),
            name=f"GET /item/{index % 20}",
            kind=2,
            start_time_unix_nano=now + index * 1000,
            end_time_unix_nano=now + index * 1000 + 1_000_000,
        )
        for number in range(attributes):
            value = span.attributes.add(key=f"attribute.{number:02d}").value
            if number % 4 == 0:
                value.int_value = index * number
            elif number % 4 == 1:
                value.double_value = index * 0.37
            else:
                value.string_value = f"value {number} {index % 100}"
    return Template("/v1/traces", request.SerializeToString(), count)


def predictions(count: int = 1000, features: int = 30, seed: int = 7) -> Template:
    """A request with one stream of prediction records, five sixths of the features numbers."""
    generator = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {
        "timestamp": pa.array(time.time_ns() + np.arange(count), pa.timestamp("ns", "UTC")),
        "prediction_id": [f"{index:032x}" for index in range(count)],
        "trace_id": pa.array([random.randbytes(16) for _ in range(count)], pa.binary(16)),
        "span_id": pa.array([random.randbytes(8) for _ in range(count)], pa.binary(8)),
        "value": generator.random(count),
        "label": pa.array(generator.choice(["yes", "no"], count)).dictionary_encode(),
        "duration": generator.random(count),
    }
    for number in range(features):
        if number % 6 == 5:
            columns[f"feature.category_{number}"] = pa.array(
                generator.choice(["a", "b", "c"], count)
            ).dictionary_encode()
        else:
            columns[f"feature.number_{number}"] = generator.normal(size=count)
    metadata = {"modelspan.schema": "1", "modelspan.model.name": "bench", "modelspan.model.version": "1"}
    table = pa.table(columns).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "scoring"
    resource.resource.attributes.add(key="service.instance.id").value.bytes_value = MARK
    record = resource.scope_logs.add().log_records.add(event_name="modelspan.predictions")
    record.body.bytes_value = sink.getvalue().to_pybytes()
    return Template("/v1/logs", request.SerializeToString(), count)


def send(port: int, template: Template, total: int, connections: int = 4) -> int:
    """Send about `total` items over some connections; returns how many were acknowledged. Sends again what was
    refused for now.
    """
    left = threading.Semaphore(max(1, total // template.items))
    acknowledged = [0] * connections

    def work(number: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while left.acquire(blocking=False):
            body = template.fresh()
            while True:
                client.request("POST", template.path, body, {"content-type": "application/x-protobuf"})
                answer = client.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                if answer.status not in (429, 502, 503, 504):
                    raise RuntimeError(f"the collector answered {answer.status}")
                time.sleep(0.05)
            acknowledged[number] += template.items
        client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(acknowledged)

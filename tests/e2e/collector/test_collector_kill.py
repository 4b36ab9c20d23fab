"""Killed at random moments under load, the collector keeps everything that it acknowledged, and keeps it once.

`MODELSPAN_KILLS=100` runs the long form (the default is 2 kills).
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import eventually, free_port

pytestmark = pytest.mark.timeout(900)  # on a machine that has much else to do, or with many kills
KILLS = int(os.environ.get("MODELSPAN_KILLS", "2"))
BATCH = 20
PAUSE = 0.05
"""Seconds between batches: what is sent while a process begins is to be read back in the end."""


class Child:
    """The collector's process; it can be killed and started again on the same folder."""

    def __init__(self, folder: Path, *, listen: int = 0, forward: tuple[str, ...] = ()) -> None:
        self.arguments = [str(folder), str(listen), *forward]
        self.port = 0
        self.begin()

    def begin(self) -> None:
        script = str(Path(__file__).with_name("collector_child.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, *self.arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = self._answer()["http"]

    def kill(self) -> None:
        self.port = 0
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def count(self) -> dict[str, list[Any]]:
        assert self.process.stdin is not None
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        stored: dict[str, list[Any]] = self._answer()
        return stored

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def spans(ids: list[str]) -> tuple[str, bytes]:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in ids:
        span = scope.spans.add(name="work", start_time_unix_nano=time.time_ns())
        span.trace_id, span.span_id = int(number).to_bytes(16, "big"), int(number).to_bytes(8, "big")
        span.attributes.add(key="n").value.string_value = number
    return "/v1/traces", request.SerializeToString()


def logs(ids: list[str]) -> tuple[str, bytes]:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for number in ids:
        scope.log_records.add(time_unix_nano=time.time_ns()).body.string_value = number
    return "/v1/logs", request.SerializeToString()


def points(ids: list[str]) -> tuple[str, bytes]:
    request = ExportMetricsServiceRequest()
    gauge = request.resource_metrics.add().scope_metrics.add().metrics.add(name="g").gauge
    for number in ids:
        gauge.data_points.add(as_int=int(number), time_unix_nano=time.time_ns())
    return "/v1/metrics", request.SerializeToString()


def predictions(ids: list[str]) -> tuple[str, bytes]:
    columns = {
        "timestamp": pa.array([time.time_ns()] * len(ids), pa.timestamp("ns", "UTC")),
        "prediction_id": ids,
        "feature.n": pa.array([float(number) % 3 for number in ids]),
        "tag.city": [("Oslo", "Rome")[int(number) % 2] for number in ids],
        "tag.plan": ["free"] * len(ids),
    }
    table = pa.table(columns).replace_schema_metadata({"modelspan.schema": "1", "modelspan.model.name": "m"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(event_name="modelspan.predictions")
    record.body.bytes_value = sink.getvalue().to_pybytes()
    return "/v1/logs", request.SerializeToString()


KINDS = {"spans": spans, "logs": logs, "points": points, "predictions": predictions}


def produce(child: Child, kind: str, first: int, stop: threading.Event, acknowledged: list[str]) -> None:
    """Send batches until told to stop, each again and again until it is acknowledged, as OTLP clients do."""
    number = first
    while not stop.is_set():
        ids = [str(number + i) for i in range(BATCH)]
        number += BATCH
        path, body = KINDS[kind](ids)
        eventually(lambda body=body, path=path: deliver(child, path, body), "it is acknowledged")
        acknowledged += ids
        stop.wait(PAUSE)


def deliver(child: Child, path: str, body: bytes) -> bool:
    if not child.port:
        return False
    connection = http.client.HTTPConnection("127.0.0.1", child.port, timeout=10)
    try:
        connection.request("POST", path, body, {"content-type": "application/x-protobuf"})
        answer = connection.getresponse()
        assert answer.status in (200, 429, 502, 503, 504), answer.read()  # any other answer is final
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def load(child: Child) -> Iterator[dict[str, list[str]]]:
    """Clients that send everything they can; yields what has been acknowledged, by kind."""
    stop = threading.Event()
    acknowledged: dict[str, list[str]] = {kind: [] for kind in KINDS}
    threads = [threading.Thread(target=produce, args=(child, kind, 1, stop, acknowledged[kind])) for kind in KINDS]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def wait_for(acknowledged: dict[str, list[str]], more: int) -> None:
    """Return when that many more items have been acknowledged."""
    goal = sum(map(len, acknowledged.values())) + more
    eventually(lambda: sum(map(len, acknowledged.values())) >= goal, f"{more} more items are acknowledged")


def test_every_acknowledged_item_is_stored_once(tmp_path: Path) -> None:
    """SIGKILL at random moments, clients that retry: the tables hold each acknowledged item exactly once, and so do the
    sketches, which are inserts of their own: of all rows, and of every slice by three keys.
    """
    random.seed(7)
    child = Child(tmp_path)
    with load(child) as acknowledged:
        for _ in range(KILLS):
            # some live long enough to die among inserts
            wait_for(acknowledged, random.choice([1, 1, 2]) * random.randrange(100, 1500))
            child.kill()
            child.begin()
    stored = child.count()
    child.process.communicate("", timeout=60)
    for kind, ids in acknowledged.items():
        assert len(ids) > 0
        assert Counter(stored[kind]) == Counter(ids), kind
    assert stored["sketched"] == [len(acknowledged["predictions"])] * 2
    assert stored["sliced"] == stored["slices"] != []


def _holds(child: Child, items: dict[str, list[str]]) -> bool:
    stored = child.count()
    return all(set(ids) <= set(stored[kind]) for kind, ids in items.items())


def test_every_acknowledged_item_is_sent_on(tmp_path: Path) -> None:
    """A destination that was away from the beginning, and both ends killed: it gets each acknowledged item at least
    once, by the time that the queue is empty.
    """
    random.seed(8)
    port = free_port()
    sender = Child(tmp_path / "sender", forward=(f"http://127.0.0.1:{port}",))
    with load(sender) as acknowledged:
        for _ in range(KILLS):  # nobody listens downstream
            wait_for(acknowledged, random.randrange(100, 1500))
            sender.kill()
            sender.begin()
        downstream = Child(tmp_path / "downstream", listen=port)
        for _ in range(KILLS):
            for child in (sender, downstream):
                wait_for(acknowledged, random.randrange(100, 1500))
                child.kill()
                child.begin()
    eventually(lambda: _holds(downstream, acknowledged), "everything that was acknowledged has been sent on")
    for kind, ids in acknowledged.items():
        assert len(ids) > 0
        assert set(downstream.count()[kind]) == set(ids), kind
    for child in (sender, downstream):
        child.process.communicate("", timeout=60)

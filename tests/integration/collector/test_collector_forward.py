"""Requests go on to other OTLP endpoints, from queues that outlive the process and keep to their budgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from collector_otlp import arrow, event, post, predictions, trace
from support import eventually, free_port

from modelspan_collector.forward.destination import parse
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.record import read

OUTCOMES = "modelspan_collector_forwarded_requests_total"
WAITING = "modelspan_collector_forward_queue_bytes"


def outcome(collector: Collector, port: int, name: str) -> float:
    """Requests that ended so for the destination on a port."""
    labels = {"destination": f"127.0.0.1:{port}", "outcome": name}
    return collector.registry.get_sample_value(OUTCOMES, labels) or 0.0


def numbers(store: Store) -> list[str]:
    """The attribute `n` of all spans."""
    return sorted(row["n"] for row in store.rows("SELECT SpanAttributes['n'] AS n FROM otel_traces"))


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_what_is_taken_is_sent_on(start: Callable[..., Collector], store: Store, tmp_path: Path, scheme: str) -> None:
    """Over both protocols; a dead destination holds up nothing and is counted."""
    downstream = start(data=tmp_path / "downstream", retry_window_seconds=0.0)
    port = downstream.grpc_port if scheme == "grpc" else downstream.http_port
    collector = start(forward=(parse(f"{scheme}://127.0.0.1:{port}"), parse("grpc://127.0.0.1:1?retry=0")))
    assert post(collector.http_port, "/v1/traces", trace({"a": 1}).SerializeToString()).status == 200
    collector.flush()
    eventually(lambda: outcome(collector, port, "sent") and outcome(collector, 1, "dropped_too_old"))
    downstream.flush()
    assert store.scalar("SELECT count() FROM otel_traces") == 2


def test_a_queue_outlives_the_process(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """What a destination did not take before a restart it gets afterwards, and once."""
    port = free_port()
    forward = (parse(f"http://127.0.0.1:{port}"),)
    first = start(forward=forward)
    for number in range(3):
        assert post(first.http_port, "/v1/traces", trace({"n": number}).SerializeToString()).status == 200
    assert first.registry.get_sample_value(WAITING, {"destination": f"127.0.0.1:{port}"}) > 0
    first.flush()
    first.stop()
    store.command("TRUNCATE TABLE otel_traces")
    downstream = start(data=tmp_path / "downstream", http_port=port)
    second = start(forward=forward)
    eventually(lambda: outcome(second, port, "sent") == 3)
    downstream.flush()
    assert numbers(store) == ["0", "1", "2"]
    eventually(lambda: second.registry.get_sample_value(WAITING, {"destination": f"127.0.0.1:{port}"}) == 0)


def test_a_queue_at_its_budget_drops_the_oldest(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """A destination that is away for long costs no more disk than it may; storage takes everything all the same."""
    port = free_port()
    collector = start(forward=(parse(f"http://127.0.0.1:{port}?queue=40000"),))
    for number in range(100):
        body = trace({"n": f"{number:03d}", "filler": "x" * 1000}).SerializeToString()
        assert post(collector.http_port, "/v1/traces", body).status == 200
        assert collector.registry.get_sample_value(WAITING, {"destination": f"127.0.0.1:{port}"}) <= 40_000
    collector.flush()
    assert len(numbers(store)) == 100
    dropped = outcome(collector, port, "dropped_queue_full")
    assert dropped >= 60
    store.command("TRUNCATE TABLE otel_traces")
    downstream = start(data=tmp_path / "downstream", http_port=port)
    eventually(lambda: outcome(collector, port, "sent") == 100 - dropped)
    downstream.flush()
    arrived = numbers(store)
    assert len(arrived) == 100 - dropped
    assert arrived[-1] == "099"


def test_a_filtered_destination_gets_events_too(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """A selection by resource sends on the prediction records of the requests that it lets through."""
    downstream = start(data=tmp_path / "downstream", retry_window_seconds=0.0)
    forward = parse(f"http://127.0.0.1:{downstream.http_port}?attribute.service.name=scoring")
    collector = start(forward=(forward,))
    for service in ("scoring", "other"):
        request = event("modelspan.predictions", arrow(predictions(5, model=service)), service)
        assert post(collector.http_port, "/v1/logs", request.SerializeToString()).status == 200
    collector.flush()
    eventually(lambda: outcome(collector, downstream.http_port, "sent"))
    downstream.flush()
    counts = store.rows("SELECT model, count() AS n FROM predictions GROUP BY model ORDER BY model")
    assert counts == [{"model": "other", "n": 5}, {"model": "scoring", "n": 10}]


def test_a_collector_that_holds_still(start: Callable[..., Collector], store: Store, tmp_path: Path) -> None:
    """Its logs are empty and its queues can be rewritten; senders are told to come back, and then are let in."""
    port = free_port()
    collector = start(forward=(parse(f"http://127.0.0.1:{port}"),), segment_seconds=60.0)
    for name in ("kept", "forgotten"):
        assert post(collector.http_port, "/v1/traces", trace({"n": name}).SerializeToString()).status == 200
    with collector.still():
        assert numbers(store) == ["forgotten", "kept"]
        refused = post(collector.http_port, "/v1/traces", trace({"n": "later"}).SerializeToString())
        assert (refused.status, refused.getheader("retry-after")) == (503, "1")
        assert not list((tmp_path / "data" / "log").rglob("*.seg"))
        for path in (tmp_path / "data" / "forward").rglob("*.seg"):
            kept = [record for record, _ in read(path.read_bytes()) if b"forgotten" not in record.payload]
            path.write_bytes(b"".join(part for record in kept for part in record.encode()))
    assert post(collector.http_port, "/v1/traces", trace({"n": "later"}).SerializeToString()).status == 200
    collector.stop()
    store.command("TRUNCATE TABLE otel_traces")
    downstream = start(data=tmp_path / "downstream", http_port=port)
    second = start(forward=(parse(f"http://127.0.0.1:{port}"),))
    eventually(lambda: outcome(second, port, "sent") == 2)
    downstream.flush()
    assert numbers(store) == ["kept", "later"]

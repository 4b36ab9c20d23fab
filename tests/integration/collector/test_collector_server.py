"""A store that is reached over HTTP, through a proxy that refuses, hangs and loses answers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_otlp import arrow, event, post, predictions
from collector_proxy import Mode, Proxy

from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store, connect

PATIENCE = 2
"""Seconds until the driver gives up on an answer."""


@pytest.fixture
def proxy(store: Store) -> Iterator[Proxy]:
    """A server of the ClickHouse protocol, behind a proxy."""
    server = SqlServer(store, port=0, writable=True)
    server.start()
    proxy = Proxy(server.port)
    yield proxy
    proxy.stop()
    server.stop()


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.HANG, Mode.SWALLOW])
def test_a_server_that_fails_and_comes_back(proxy: Proxy, store: Store, tmp_path: Path, mode: Mode) -> None:
    """Refusing, never answering, and answering nothing to what it has stored: each item is there once afterwards."""
    dsn = f"clickhouse://127.0.0.1:{proxy.port}?send_receive_timeout={PATIENCE}"
    remote = connect(dsn, store.database)
    collector = Collector(remote, CollectorConfig(tmp_path, grpc_port=0, http_port=0, segment_seconds=0.1))
    collector.start()
    sent = []

    def send() -> None:
        number = uuid.uuid4().hex
        sent.append(number)
        rows = arrow(predictions(1, prediction_id=[number]))
        body = event("modelspan.predictions", rows).SerializeToString()
        assert post(collector.http_port, "/v1/logs", body).status == 200

    send()
    collector.flush()
    proxy.mode = mode
    for _ in range(5):
        send()
    with pytest.raises(TimeoutError):
        collector.flush(timeout=PATIENCE + 1.0)
    assert collector.registry.get_sample_value(
        "modelspan_collector_insert_errors_total", {"signal": "logs", "next": "retry"}
    )
    proxy.mode = Mode.PASS
    send()
    collector.flush(timeout=60)
    collector.stop()
    remote.close()
    assert sorted(store.scalar("SELECT groupArray(prediction_id) FROM predictions")) == sorted(sent)

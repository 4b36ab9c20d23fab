"""What a tenant sends arrives whole, whoever it is and however its columns are encoded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from collector_otlp import arrow, event, export, post, predictions, trace
from support import eventually

from modelspan_collector.forward.destination import parse
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.signals import LOGS, TRACES
from modelspan_collector.service import Collector
from modelspan_collector.store import definitions, schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.errors import StoreError
from modelspan_collector.store.segments import keep_segments
from modelspan_collector.wal.journal import LogOptions
from modelspan_collector.write.lanes import Lanes

TEXTS = ["north", None, "north"]
ENCODINGS = {
    "string": pa.array(TEXTS),
    "large": pa.array(TEXTS, pa.large_string()),
    "view": pa.array(TEXTS, pa.string_view()),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "large_dictionary": pa.array(TEXTS, pa.large_string()).dictionary_encode(),
    "runs": pc.run_end_encode(pa.array(TEXTS)),
}
NUMBERS = {"integer": pa.array([7, None, 7]), "category": pa.array([7, None, 7]).dictionary_encode()}
TAGS = {f"tag.{name}": column for name, column in {**ENCODINGS, **NUMBERS}.items()}


@pytest.fixture
def own(store: Store) -> Iterator[str]:
    """The name of a database of a tenant's own."""
    name = f"{store.database}_own"
    yield name
    store.command(f"DROP DATABASE IF EXISTS {name}")


@pytest.mark.parametrize(
    "tenant", ["", "tenant=acme", "tenant=acme database={}", "database={}"], ids=["none", "tag", "both", "database"]
)
def test_predictions_of_every_tenant_arrive(
    start: Callable[..., Collector], store: Store, own: str, tmp_path: Path, tenant: str
) -> None:
    """A token's tenant joins the tags of a record, whose texts may be in any encoding that Arrow has."""
    (tmp_path / "tokens").write_text(f"alpha {tenant.format(own)}\n")
    collector = start(tokens=tmp_path / "tokens")
    streams = [predictions(3), predictions(3, label=pa.array(TEXTS, pa.string_view()), **TAGS)]
    for stream in streams:
        body = event("modelspan.predictions", arrow(stream)).SerializeToString()
        assert post(collector.http_port, "/v1/logs", body, authorization="Bearer alpha").status == 200
    collector.flush()
    database = own if "database" in tenant else store.database
    rows = store.rows(f"SELECT tags, label FROM {database}.predictions ORDER BY timestamp, prediction_id")
    told = {"tenant": "acme"} if "acme" in tenant else {}
    north = dict.fromkeys(ENCODINGS, "north") | dict.fromkeys(NUMBERS, "7") | told
    assert [row["tags"] for row in rows] == [told] * 3 + [north, told, north]
    assert [row["label"] for row in rows] == [""] * 3 + ["north", "", "north"]
    assert not list((tmp_path / "data" / "dead").rglob("*.json"))


KEPT = {
    "otel_traces": "ResourceAttributes['modelspan.tenant']",
    "predictions": "tags['tenant']",
    "labels": "tenant",
    "models": "tenant",
}
"""Where each table has the tenant of a row."""


def requests() -> list[tuple[str, bytes]]:
    """One of each thing that a tenant sends, byte for byte the same whoever sends it."""
    columns = {"timestamp": pa.array([1_790_000_000_000_000_000], pa.timestamp("ns", "UTC")), "prediction_id": ["p"]}
    told = predictions(1, **columns)
    card = pa.table({"timestamp": columns["timestamp"], "owner": ["us"]}).replace_schema_metadata(told.schema.metadata)
    truth = told.append_column("label", pa.array(["yes"]))
    tables = {"modelspan.predictions": told, "modelspan.labels": truth, "modelspan.model": card}
    found = [("/v1/logs", event(name, arrow(table)).SerializeToString()) for name, table in tables.items()]
    return [*found, ("/v1/traces", trace({"a": 1}).SerializeToString())]


def test_segments_are_those_of_each_database(
    start: Callable[..., Collector], store: Store, own: str, tmp_path: Path
) -> None:
    """A key that is configured in a tenant's own database is sketched there, and in no other."""
    (tmp_path / "tokens").write_text(f"alpha database={own}\nbeta\n")
    collector = start(tokens=tmp_path / "tokens")
    for rows in (2, 3):
        for token in ("alpha", "beta"):
            body = event(
                "modelspan.predictions", arrow(predictions(rows, **{"tag.string": ["north"] * rows}))
            ).SerializeToString()
            assert post(collector.http_port, "/v1/logs", body, authorization=f"Bearer {token}").status == 200
        collector.flush()
        tenant = connect(store.dsn, own)
        keep_segments(tenant, ("tag.string",))
        tenant.close()
    sliced = (
        "SELECT segment, sum(rows) AS n FROM {}.feature_profiles WHERE kind = 'rows' AND segment != '' GROUP BY ALL"
    )
    assert store.rows(sliced.format(own)) == [{"segment": "tag.string=north", "n": 3}]
    assert store.rows(sliced.format(store.database)) == []


@pytest.mark.parametrize(
    ("token", "option", "kept"),
    [
        ("relay", "", ["acme", "globex"]),
        ("relay", "ratio=0.999999999&slow=0", ["acme", "globex"]),
        ("relay", "tenant=off", [""]),
        ("relay tenant=all", "tenant=off", ["all"]),
        ("relay tenant=all", "", []),
    ],
    ids=["trusted", "sampled", "not told", "as another's", "refused"],
)
def test_what_is_sent_on_keeps_its_tenant_where_the_next_collector_trusts_the_sender(
    start: Callable[..., Collector], store: Store, own: str, tmp_path: Path, token: str, option: str, kept: list[str]
) -> None:
    """A token of no tenant may name any; one of a tenant is refused in another's name, and nothing changes hands."""
    (tmp_path / "next").write_text(f"{token} database={own}\n")
    (tmp_path / "tokens").write_text("a tenant=acme\nb tenant=globex\n")
    last = start(data=tmp_path / "last", tokens=tmp_path / "next")
    url = f"http://127.0.0.1:{last.http_port}?header.authorization=Bearer relay&{option}"
    first = start(tokens=tmp_path / "tokens", forward=(parse(url),))
    sent = requests()
    for token_of in ("a", "b"):
        for path, body in sent:
            assert post(first.http_port, path, body, authorization=f"Bearer {token_of}").status == 200
    waiting = "modelspan_collector_forward_queue_bytes"
    where = {"destination": f"127.0.0.1:{last.http_port}"}
    eventually(lambda: first.registry.get_sample_value(waiting, where) == 0)
    last.flush()
    if kept:
        for table, tenant in KEPT.items():
            found = store.rows(f"SELECT DISTINCT {tenant} AS tenant FROM {own}.{table} ORDER BY tenant")
            assert [row["tenant"] for row in found] == kept, table
    else:
        assert store.scalar("SELECT count() FROM system.tables WHERE database = {own:String}", {"own": own}) == 0


TROUBLES = {
    "no room": ("", ""),
    "a newer version's": (
        "CREATE TABLE {}.schema_migrations (version UInt32, name String, applied_at DateTime64(3)) "
        "ENGINE = MergeTree ORDER BY version",
        "INSERT INTO {}.schema_migrations VALUES (9999, 'later', now())",
    ),
    "tables of another shape": ("CREATE TABLE {}.otel_traces (Other String) ENGINE = MergeTree ORDER BY Other", ""),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_database_that_cannot_be_made_now_is_sent_to_again(
    start: Callable[..., Collector],
    store: Store,
    own: str,
    tmp_path: Path,
    trouble: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both protocols say so in a way that senders try again, and nothing of the store; then all of it is taken."""
    (tmp_path / "tokens").write_text(f"alpha database={own}\n")
    collector = start(tokens=tmp_path / "tokens")
    statements = [each.format(own) for each in TROUBLES[trouble] if each]
    for statement in [f"CREATE DATABASE {own}"] * bool(statements) + statements:
        store.command(statement)
    body = event("modelspan.predictions", arrow(predictions(3))).SerializeToString()
    with monkeypatch.context() as full:
        if trouble == "no room":
            full.setattr(definitions, "ROOM_BYTES", 1 << 62)
        answer = post(collector.http_port, "/v1/logs", body, authorization="Bearer alpha")
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert own.encode() not in answer.content
        with pytest.raises(grpc.RpcError) as refused:
            export(collector.grpc_port, LOGS, body, metadata=[("authorization", "Bearer alpha")])
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    store.command(f"DROP DATABASE IF EXISTS {own} SYNC")
    assert post(collector.http_port, "/v1/logs", body, authorization="Bearer alpha").status == 200
    collector.flush()
    assert store.scalar(f"SELECT count() FROM {own}.predictions") == 3


def test_who_sends_to_a_database_that_is_slow_to_make_keeps_no_other_tenant_waiting(
    store: Store, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who send to it share one attempt and its outcome, and a tenant beside them is opened meanwhile."""
    lanes = Lanes(store, tmp_path / "log", LogOptions(), Metrics())
    lanes.start()
    begun, ended, attempts, apply = threading.Event(), threading.Event(), list[int](), schema.apply

    def held_up(opened: Store) -> None:
        if opened.database == own:
            attempts.append(1)
            begun.set()
            ended.wait(60)
            raise StoreError("no room")
        apply(opened)

    with monkeypatch.context() as slow, ThreadPoolExecutor(4) as senders:
        slow.setattr(schema, "apply", held_up)
        first = senders.submit(lanes.log, own, TRACES)
        assert begun.wait(60)
        others = [senders.submit(lanes.log, own, signal) for signal in (TRACES, LOGS)]
        assert lanes.log("", TRACES).folder.parent.name == store.database
        assert lanes.log(f"{own}_beside", TRACES).folder.parent.name == f"{own}_beside"
        ended.set()
        assert all(isinstance(each.exception(60), StoreError) for each in (first, *others))
    assert len(attempts) <= 1 + len(others)
    assert lanes.log(own, LOGS).folder.parent.name == own
    lanes.stop()
    lanes.close()
    store.command(f"DROP DATABASE {own}_beside")

"""Hostile inputs: no crash, bounded memory, every answer a documented one, and a good request right after is stored.

`MODELSPAN_FUZZ=1000000` sets how many mutants are tried (the default is 4,000); `MODELSPAN_FUZZ_SEED` where they begin.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from collector_otlp import arrow, event, export, post, predictions, trace

from modelspan_collector.otlp import wire
from modelspan_collector.otlp.errors import RefusedError
from modelspan_collector.otlp.signals import LOGS, SIGNALS, TRACES, Signal
from modelspan_collector.receive import decode
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.write import rows, stream
from modelspan_collector.write.predictions import block as predictions_block

MUTANTS = int(os.environ.get("MODELSPAN_FUZZ", "4000"))
SEED = int(os.environ.get("MODELSPAN_FUZZ_SEED", "1"))
INTERESTING = [
    b"\x00",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff" * 9 + b"\x01",
    b"\x80" * 10,
    b"\x0b",
    b"NaN",
    b"1e999",
    b"[" * 50,
]


def mutate(body: bytes, generator: random.Random) -> bytes:
    """A few random edits: flipped bytes, cuts, repeats, and values that break parsers."""
    data = bytearray(body)
    for _ in range(generator.randrange(1, 5)):
        at = generator.randrange(len(data) + 1)
        match generator.randrange(4):
            case 0 if at < len(data):
                data[at] ^= 1 << generator.randrange(8)
            case 1:
                del data[at : at + generator.randrange(1, 20)]
            case 2:
                data[at:at] = data[at : at + generator.randrange(1, 40)]
            case _:
                data[at:at] = generator.choice(INTERESTING)
    return bytes(data)


def stored_form(signal: Signal, body: bytes) -> None:
    """What the collector does with a protobuf body before the store sees it."""
    body = decode.protobuf(signal, body).body + wire.tenant_field("")
    list(wire.rows(body, 1))


def rich() -> bytes:
    """A traces request with something of everything."""
    request = trace({"s": "x", "i": 1, "d": 1.5, "b": True, "l": [1, {"k": b"v"}]}, {"modelspan.model.name": "m"})
    request.resource_spans[0].scope_spans[0].spans[0].events.add(name="e")
    return request.SerializeToString()


def test_mutated_protobuf() -> None:
    """Broken protobuf is refused with a documented error or read; nothing else happens."""
    generator, body = random.Random(SEED), rich()
    for _ in range(MUTANTS):
        try:
            stored_form(generator.choice(SIGNALS), mutate(body, generator))
        except RefusedError as error:
            assert error.http_status == 400


def test_mutated_json(shared_data: Path) -> None:
    """The same for JSON."""
    generator = random.Random(SEED)
    bodies = [
        (signal, (shared_data / f"otlp_{name}.json").read_bytes())
        for signal, name in zip(SIGNALS, ("trace", "metrics", "logs"), strict=True)
    ]
    for _ in range(MUTANTS // 4):
        signal, body = generator.choice(bodies)
        try:
            decode.json(signal, mutate(body, generator))
        except RefusedError as error:
            assert error.http_status == 400


def test_mutated_arrow() -> None:
    """A broken Arrow stream is rejected with a sentence, or what it became can be made into rows."""
    generator = random.Random(SEED)
    table = predictions(
        4, label=pa.array(["a", "b", "a", None]).dictionary_encode(), **{"feature.x": [1.0, None, 2.0, 3.0]}
    )
    bodies = [arrow(table), compressed(table), arrow(odd()), compressed(odd())]
    for _ in range(MUTANTS):
        try:
            read = stream.read("modelspan.predictions", mutate(generator.choice(bodies), generator)).table
        except stream.StreamError as error:
            assert str(error)
        else:
            predictions_block([rows.predictions(read, pa.array([1] * read.num_rows, pa.int64()), "", "").rows])


def odd() -> pa.Table:
    """A column of every encoding whose bytes refer to each other, and of types that are told by their field."""
    told = {"ARROW:extension:name": "pandas.interval", "ARROW:extension:metadata": '{"closed": "left"}'}
    pairs = pa.array([{"left": 1, "right": 2}, None, None, {"left": 2, "right": 3}])
    columns = {
        "views": pa.array(["a long text that stands elsewhere", None, "b", "c"], pa.string_view()),
        "lists": pa.array([[1, 2], None, [], [3]], pa.list_(pa.int64())),
        "large": pa.array([[1, 2], None, [], [3]], pa.large_list(pa.float64())),
        "list_views": pa.array([[1, 2], None, [], [3]], pa.list_view(pa.int64())),
        "fixed": pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int64(), 2)),
        "runs": pa.RunEndEncodedArray.from_arrays([1, 4], ["a", "b"]),
        "times": pa.array([1, None, 2, 3], pa.timestamp("s", "Europe/Vienna")).dictionary_encode(),
        "uuid": pa.array([b"x" * 16, None, b"y" * 16, None], pa.uuid()),
        "nested": pa.array([{"a": [{"b": 1}]}, None, None, None]),
        "union": pa.UnionArray.from_dense(
            pa.array([0, 1, 0, 1], pa.int8()),
            pa.array([0, 0, 1, 1], pa.int32()),
            [pa.array([1, 2]), pa.array(["a", "b"])],
        ),
    }
    table = predictions(4, **{f"feature.{name}": column for name, column in columns.items()})
    return table.append_column(pa.field("feature.pairs", pairs.type, metadata=told), pairs)


@pytest.mark.parametrize(
    "name", ["pandas.interval", "pandas.period", "arrow.uuid", "arrow.fixed_shape_tensor", "\ud800"]
)
@pytest.mark.parametrize("parameters", ["", "{", "[]", '{"freq": 3}', '{"shape": [99999999, 99999999]}'])
def test_an_extension_type_that_lies_costs_no_other_column(name: str, parameters: str) -> None:
    """Whatever this process knows of extension types, it is not asked what somebody else says of them."""
    pytest.importorskip("pandas")
    told = {
        b"ARROW:extension:name": name.encode("utf-8", "surrogatepass"),
        b"ARROW:extension:metadata": parameters.encode(),
    }
    column = pa.array([1.5, None]).dictionary_encode()
    table = predictions(2, **{"feature.kept": [1.0, 2.0]})
    body = arrow(table.append_column(pa.field("feature.odd", column.type, metadata=told), column))
    read = stream.read("modelspan.predictions", body)
    assert read.left_out == []
    made = rows.predictions(read.table, pa.array([1, 1], pa.int64()), "", "").rows
    assert (made.numeric.names, made.numeric.values.tolist()) == (["kept"], [[1.0, 2.0]])
    assert (made.categorical.names, made.categorical.entries.to_pylist()) == (["odd"], ["1.5"])
    assert made.categorical.codes.tolist() == [[0, -1]]


def compressed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_bombs_take_bounded_memory(pack: Callable[[bytes], bytes]) -> None:
    """A few kilobytes that become gigabytes are refused at the limit."""
    part = pack(bytes(64 << 20))
    bomb = part * (40 if pack is gzip.compress else 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RefusedError) as refused:
        decode.decompress(pack.__module__.split(".")[0].replace("standard", "std"), bomb, 8 << 20)
    assert refused.value.http_status == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_good_request_right_after(collector: Collector, store: Store) -> None:
    """After hostile requests of every sort, the front door answers in documented words and stores a good one."""
    generator, body = random.Random(SEED), rich()
    wide = trace({f"attribute {number}": number for number in range(100_000)}).SerializeToString()
    assert post(collector.http_port, "/v1/traces", wide).status == 200
    deep = json.dumps({"resourceSpans": []}).replace("[]", "[" * 5000 + "]" * 5000).encode()
    assert post(collector.http_port, "/v1/traces", deep, "application/json").status == 400
    for _ in range(60):
        answer = post(collector.http_port, "/v1/traces", mutate(body, generator))
        assert answer.status in (200, 400)
    for junk in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(200), random.Random(SEED).randbytes(4000)):
        for port in (collector.grpc_port, collector.http_port):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
                raw.sendall(junk)
    before = store.scalar("SELECT count() FROM otel_traces WHERE SpanName = 'good'")
    export(collector.grpc_port, TRACES, trace({}, name="good").SerializeToString())
    export(collector.grpc_port, LOGS, event("modelspan.predictions", arrow(predictions(1))).SerializeToString())
    collector.flush()
    assert store.scalar("SELECT count() FROM otel_traces WHERE SpanName = 'good'") == before + 1
    assert store.scalar("SELECT max(length(SpanAttributes)) FROM otel_traces") == 100_000

"""The collector's pure parts: records of the log, the wire, maps, rules and destinations."""

from __future__ import annotations

import struct
from concurrent.futures import Future

import numpy as np
import pyarrow as pa
import pytest
from clickhouse_connect.driver.common import write_leb128
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support import eventually

from modelspan_collector.access.token_file import TokenFileError
from modelspan_collector.access.tokens import parse
from modelspan_collector.forward.choose import choose
from modelspan_collector.forward.destination import Destination, DestinationError
from modelspan_collector.forward.destination import parse as parse_destination
from modelspan_collector.otlp import wire
from modelspan_collector.otlp.signals import TRACES
from modelspan_collector.receive import decode
from modelspan_collector.store import schema
from modelspan_collector.store.errors import SchemaError
from modelspan_collector.wal.recent import Recent
from modelspan_collector.write import maps, native, otlp_shape
from modelspan_collector.write.held import Checked, HeldStreams


@given(st.lists(st.integers(0, 3), max_size=4), st.integers(0, 2**64 - 1), st.text(max_size=20))
def test_wire_rows_hold_what_the_request_held(scopes: list[int], received: int, tenant: str) -> None:
    """Cut into rows and read back, a request has the same scopes, each with its resource, arrival and tenant."""
    request = ExportTraceServiceRequest()
    for number, count in enumerate(scopes):
        resource = request.resource_spans.add(schema_url=f"url{number}")
        resource.resource.attributes.add(key="n").value.int_value = number
        for scope in range(count):
            resource.scope_spans.add(scope={"name": f"{number}.{scope}"}).spans.add(name="x")
    assert not wire.is_plain(request.SerializeToString() + wire.tenant_field("forged"))
    assert wire.is_plain(request.SerializeToString())
    payload = request.SerializeToString() + wire.tenant_field(tenant)
    data = b"".join(wire.rows(payload, received))
    seen, position = [], 0
    while position < len(data):
        size, position = wire._varint(memoryview(data), position)
        row = type(request.resource_spans.add())()
        row.ParseFromString(data[position : position + size])
        assert struct.pack("<Q", received) in data[position : position + size]
        assert wire.tenant_of(data[position : position + size]) == tenant
        seen.append((row.resource.attributes[0].value.int_value, row.scope_spans[0].scope.name, row.schema_url))
        position += size
    assert seen == [(n, f"{n}.{s}", f"url{n}") for n, count in enumerate(scopes) for s in range(count)]


def test_schema_file_is_what_the_descriptors_say() -> None:
    """The Null tables in the schema are those that the OTLP descriptors make."""
    assert schema.templates("001_otlp.sql") == schema.split(otlp_shape.ddl())


@given(st.lists(st.tuples(st.none() | st.floats(allow_nan=False), st.none() | st.floats(allow_nan=False)), max_size=30))
def test_maps_are_the_columns_transposed(rows: list[tuple[float | None, float | None]]) -> None:
    """One map a row, with the keys of the columns that are not null, and the others named as missing."""
    columns = {"b": pa.array([b for b, _ in rows], pa.float64()), "a": pa.array([a for _, a in rows], pa.float64())}
    expected = [[(key, value) for key, value in (("a", a), ("b", b)) if value is not None] for b, a in rows]
    assert maps.to_map(columns, len(rows), pa.float64()).to_pylist() == expected
    absent = [[key for key, value in (("a", a), ("b", b)) if value is None] for b, a in rows]
    assert maps.missing([columns], len(rows)).to_pylist() == absent


@given(st.lists(st.none() | st.just(bytes(8)) | st.binary(min_size=8, max_size=8), max_size=20), st.integers(0, 5))
def test_hexadecimal_ids(ids: list[bytes | None], skip: int) -> None:
    """Ids become lower-case hexadecimal, also in a slice; null and all zeros become empty."""
    expected = ["" if value in (None, bytes(8)) else value.hex() for value in ids[skip:]]
    assert content(native.hexadecimal(pa.array(ids, pa.binary(8))[skip:], 8)) == written(expected)


TEXTS = st.none() | st.text(max_size=3) | st.sampled_from([127, 128, 16_383, 16_384]).map(lambda size: "x" * size)


@given(st.lists(TEXTS, max_size=12), st.integers(0, 3), st.data())
def test_texts_stand_behind_their_lengths(texts: list[str | None], skip: int, data: st.DataObject) -> None:
    """Of any length, also in a slice, and also where they are places in a dictionary; null becomes empty."""
    array = pa.array(texts, pa.string())[skip:]
    expected = ["" if text is None else text for text in texts[skip:]]
    assert content(native.text(array)) == written(expected)
    places = data.draw(st.lists(st.integers(0, len(expected) - 1)) if expected else st.just([]))
    assert content(native.chosen(array, np.array(places, np.int32))) == written([expected[place] for place in places])


def content(column: native.Column) -> bytes:
    return b"".join(part.tobytes() for part in column.parts)


def written(texts: list[str]) -> bytes:
    """As the engine writes strings: the driver's own encoding of a length, and the text."""
    spelt = bytearray()
    for text in texts:
        write_leb128(len(text.encode()), spelt)
        spelt += text.encode()
    return bytes(spelt)


@pytest.mark.parametrize("count", [0, 1, 2**15, 2**15 + 1, 40_000])
def test_any_number_of_features_has_its_keys(count: int) -> None:
    """A row may have more features than an index of 16 bits can tell apart."""
    columns = {f"f{number:05}": pa.array([float(number), None]) for number in range(count)}
    first, second = maps.to_map(columns, 2, pa.float64()).to_pylist()
    assert first == [(name, float(number)) for number, name in enumerate(columns)]
    assert second == []
    assert maps.missing([columns], 2).to_pylist() == [[], list(columns)]


def test_recent_forgets_failures_and_the_past() -> None:
    """A request whose write failed, or that is older than the window, is taken again."""
    recent, done, failed = Recent(60.0), Future(), Future()
    done.set_result(None)
    failed.set_exception(OSError())
    recent.add(b"done", done)
    recent.add(b"failed", failed)
    assert recent.find(b"done") is done
    assert recent.find(b"failed") is None
    assert recent.find(b"never") is None
    brief = Recent(0.001)
    brief.add(b"old", done)
    eventually(lambda: brief.find(b"old") is None)


def test_token_files_say_what_is_wrong() -> None:
    """A line that is not understood is named by its number."""
    assert len(parse("a tenant=x\n# comment\n\nb database=y\n")) == 2
    with pytest.raises(TokenFileError, match="line 2"):
        parse("a\nb nonsense\n")
    with pytest.raises(TokenFileError, match="teanant"):
        parse("a teanant=x\n")
    with pytest.raises(TokenFileError, match="line 1"):
        parse("a database=x;drop\n")


def test_destinations() -> None:
    """Options of a destination are read, and what is not known is named."""
    destination = parse_destination("grpc://tempo:4317?signals=traces&ratio=0.25&slow=1.5&attribute.service.name=shop")
    assert (destination.url, destination.signals, destination.ratio) == ("grpc://tempo:4317", ("traces",), 0.25)
    assert destination.attributes == (("service.name", "shop"),)
    for wrong in ("tempo:4317", "grpc://x?rati=1", "grpc://x?ratio=2", "ftp://x", "http://x?signals=trace"):
        with pytest.raises(DestinationError):
            parse_destination(wrong)
    for wrong in (
        "user:k3y@tempo",
        "grpc://u:k3y@x?header.a=k3y&ratio=z",
        "http://u:k3y@x?header.a=k3y&signals=none",
        "http://u:k3y@[x?header.a=k3y",
    ):
        with pytest.raises(DestinationError) as told:
            parse_destination(wrong)
        assert "k3y" not in str(told.value)


def test_sampling_keeps_what_matters() -> None:
    """At ratio 0 only traces with errors, slow spans or flagged predictions pass; the ratio holds for the rest."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(1, 1001):
        scope.spans.add(trace_id=(number * 2**44).to_bytes(16, "big"), name="plain")
    kinds = {b"e" * 16: "error", b"s" * 16: "slow", b"f" * 16: "flagged"}
    for trace_id, name in kinds.items():
        scope.spans.add(trace_id=trace_id, name=f"{name} sibling")
    scope.spans.add(trace_id=b"e" * 16, name="error").status.code = 2
    scope.spans.add(trace_id=b"s" * 16, name="slow", end_time_unix_nano=3 * 10**9)
    scope.spans.add(trace_id=b"f" * 16, name="flagged").attributes.add(key="modelspan.flagged").value.bool_value = True
    before = request.SerializeToString()
    kept = choose(request, Destination("grpc://x", ratio=0.0, slow_seconds=2.0))
    assert len(kept.resource_spans[0].scope_spans[0].spans) == 6
    assert request.SerializeToString() == before
    quarter = choose(request, Destination("grpc://x", ratio=0.25))
    plain = [span for span in quarter.resource_spans[0].scope_spans[0].spans if span.name == "plain"]
    assert len(plain) == sum(number * 2**44 < 2**54 for number in range(1, 1001))
    assert choose(request, Destination("grpc://x", attributes=(("service.name", "other"),))) is None


def test_groups_and_our_own_field_numbers_are_cleaned_away() -> None:
    """Found by fuzzing: a group among unknown fields is valid protobuf, and has to be cut into rows all the same."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(name="x")
    for strange in (b"\x9b\x06\x9c\x06", wire.tenant_field("forged")):
        decoded = decode.protobuf(TRACES, request.SerializeToString() + strange)
        assert decoded.body == request.SerializeToString()
        assert wire.is_plain(decoded.body)


def test_held_streams_are_taken_once_and_within_bounds() -> None:
    """The newest streams are held, up to a number of bytes, each until the writer has it."""
    stream = Checked(pa.table({"x": pa.array(range(8), pa.int64())}), 64)
    held = HeldStreams(most_bytes=9_000)  # a column takes some 8 KiB beside its values
    held.put(b"first", [stream])
    held.put(b"second", [stream])
    assert held.take(b"first") is None
    assert held.take(b"second") == [stream]
    assert held.take(b"second") is None


@pytest.mark.parametrize("places", [{"other": "x"}, {}, {"what": "x", "other": "x"}])
def test_ddl_is_filled_in_its_places_or_not_at_all(places: dict[str, str]) -> None:
    """A place that is absent, or that nothing is put into, is an error; what is put in is not looked into again."""
    template = "SELECT /*what*/1/**/ FROM t"
    assert schema.fill(template, {"what": "/*what*/2/**/"}) == "SELECT /*what*/2/**/ FROM t"
    with pytest.raises(SchemaError, match="what"):
        schema.fill(template, places)
    assert not any("/**/" in ddl for _, ddl in schema.statements())

"""The endpoint's pure parts: where a statement ends, frames, codings, settings, error texts."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.sqlhttp import encodings, errors, frames, request, settings, statement

NOTHING = statement.Forbidden(frozenset({"url"}), frozenset({"file"}))


@given(st.binary(max_size=5000), st.lists(st.integers(1, 400), max_size=20))
def test_frames_round_trip_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    """Frames may arrive in any pieces."""
    framed, decoder, plain = frames.compress(data), frames.Decompressor(), b""
    for size in [*cuts, len(framed)]:
        piece, framed = framed[:size], framed[size:]
        plain += decoder.feed(piece)
    assert plain == data
    assert decoder.finish() == b""


@given(st.binary(min_size=1, max_size=300))
def test_damaged_frames_are_refused(noise: bytes) -> None:
    """Bytes that are no frame raise ClickHouse's own errors, and nothing else."""
    decoder = frames.Decompressor()
    with pytest.raises(errors.ClickHouseError):
        decoder.feed(noise)
        decoder.finish()


@pytest.mark.parametrize("coding", ["gzip", "zstd", "lz4", "deflate"])
@given(data=st.binary(max_size=3000))
def test_codings_round_trip(coding: str, data: bytes) -> None:
    """What we encode we decode."""
    name, encoder = encodings.encoder(coding, framed=False)
    assert name == coding
    packed = encoder.feed(data) + encoder.finish()
    decoder = encodings.decoder(coding, framed=False)
    assert decoder.feed(packed) + decoder.finish() == data


def test_bodies_of_several_members_and_cut_ones() -> None:
    """gzip members follow one another; a cut body is an error, not the end."""
    decoder = encodings.decoder("gzip", framed=False)
    assert decoder.feed(gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"
    cut = encodings.decoder("gzip", framed=False)
    cut.feed(gzip.compress(b"hello")[:-4])
    with pytest.raises(errors.ClickHouseError, match="cut short"):
        cut.finish()


@pytest.mark.parametrize(
    ("head", "data"),
    [
        (b"INSERT INTO t FORMAT TSV\n1\t2\n", b"1\t2\n"),
        (b'insert into t (a) format JSONEachRow {"a":1}', b'{"a":1}'),
        (b"INSERT INTO t VALUES (1, 'FORMAT x')", b" (1, 'FORMAT x')"),
        (b"INSERT INTO `FORMAT x` (a) FORMAT CSV\r\n1", b"1"),
        (b"/* FORMAT a */ INSERT INTO t -- VALUES\nFORMAT CSV\n9", b"9"),
        (b"INSERT INTO t SELECT 1 FORMAT CSV", None),
        (b"INSERT INTO t WITH 1 AS x SELECT x", None),
        (b"SELECT 'INSERT INTO t FORMAT CSV'", None),
    ],
)
def test_rows_of_an_insert_begin_where_the_statement_ends(head: bytes, data: bytes | None) -> None:
    """After FORMAT and its line, or after VALUES; names, strings and comments do not count."""
    end = request._data_start(head, final=True)
    assert (head[end:] if end else None) == data


def test_statement_gives_up_its_format_and_settings() -> None:
    """What trails the canonical text is taken off, to be vetted and applied."""
    vetted = statement.vet("SELECT 1\nSETTINGS max_threads = 1, x = 'a\\'b, c'\nFORMAT JSON", NOTHING, writable=False)
    assert (vetted.verb, vetted.body, vetted.format) == ("SELECT", "SELECT 1", "JSON")
    assert vetted.settings == {"max_threads": "1", "x": "a'b, c"}
    insert = statement.vet("INSERT INTO t (a) FORMAT TSV", NOTHING, writable=True)
    assert (insert.body, insert.format, insert.takes_data) == ("INSERT INTO t (a)", "TSV", True)
    assert not statement.vet("INSERT INTO t SELECT 1", NOTHING, writable=True).takes_data


@given(st.sampled_from(["file", "FILE", "`file`"]), st.sampled_from(["{}('x')", "arrayMap({}, ['x'])", "x.{}"]))
def test_forbidden_functions_are_found_in_any_dress(name: str, use: str) -> None:
    """Quoted, in capitals, called or passed by name."""
    with pytest.raises(errors.ClickHouseError, match="not allowed"):
        statement.vet(f"SELECT {use.format(name)}", NOTHING, writable=False)


@given(st.text(alphabet="fileurl(INTO OUTFILE) ", max_size=40))
def test_strings_are_never_taken_for_code(text: str) -> None:
    """A literal may say anything."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    assert statement.vet(f"SELECT '{escaped}'", NOTHING, writable=False).verb == "SELECT"


@given(st.floats(-1e6, 1e6, allow_nan=False))
def test_limits_are_never_raised(asked: float) -> None:
    """Whatever a client asks for, it gets the endpoint's limit or less."""
    limits = settings.Limits(execution_seconds=30)
    applied = float(settings.effective({"max_execution_time": str(asked)}, limits)["max_execution_time"])
    assert 0 < applied <= 30


def test_engine_messages_are_read_back() -> None:
    """Number, name and sentence of an error survive the way through the engine."""
    error = errors.from_engine(
        RuntimeError("finish failed: Code: 27. DB::Exception: bad\nrow. (CANNOT_PARSE_TEXT) (version 26.9)")
    )
    assert (error.code, error.name, error.message, error.status) == (27, "CANNOT_PARSE_TEXT", "bad\nrow.", 400)
    assert error.text == "Code: 27. DB::Exception: bad\nrow. (CANNOT_PARSE_TEXT)\n"
    assert errors.from_engine(RuntimeError("something else")).code == 1000

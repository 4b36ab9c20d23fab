"""The endpoint's pure parts: where a statement ends, frames, codings, settings, error texts."""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.sqlhttp import clauses, encodings, errors, forms, frames, heads, numbers, settings, statement

MIB = 1024**2
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
    "framed": frames.compress,
}


def plain(body: bytes, coding: str, *, framed: bool = False, limit: int = MIB) -> bytes:
    """A body's content."""
    return b"".join(encodings.plain(io.BytesIO(body), coding, framed=framed, limit=limit))


NOTHING = statement.Forbidden(frozenset({"url"}), frozenset({"file"}))


@given(st.binary(max_size=5000), st.lists(st.integers(1, 400), max_size=20))
def test_frames_round_trip_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    """Frames may arrive in any pieces."""
    framed, decoder, plain = frames.compress(data), frames.Decompressor(5000), b""
    for size in [*cuts, len(framed)]:
        piece, framed = framed[:size], framed[size:]
        plain += b"".join(decoder.pieces(piece))
    assert plain == data
    decoder.finish()


@given(st.binary(min_size=1, max_size=300))
def test_damaged_frames_are_refused(noise: bytes) -> None:
    """Bytes that are no frame raise ClickHouse's own errors, and nothing else."""
    with pytest.raises(errors.ClickHouseError):
        plain(noise, "", framed=True)


@pytest.mark.parametrize("coding", ["gzip", "zstd", "lz4", "deflate"])
@given(data=st.binary(max_size=3000))
def test_codings_round_trip(coding: str, data: bytes) -> None:
    """What we encode we decode."""
    name, encoder = encodings.encoder(coding, framed=False)
    assert name == coding
    packed = encoder.feed(data) + encoder.finish()
    assert plain(packed, coding) == data


def test_bodies_of_several_members_and_cut_ones() -> None:
    """gzip members follow one another; a cut body is an error, not the end."""
    assert plain(gzip.compress(b"a") + gzip.compress(b"b"), "gzip") == b"ab"
    with pytest.raises(errors.ClickHouseError, match="cut off"):
        plain(gzip.compress(b"hello")[:-4], "gzip")


BOMBS = {coding: encode(bytes(64 * MIB)) for coding, encode in COMPRESS.items()}


@pytest.mark.parametrize("coding", BOMBS)
def test_content_is_counted_as_it_is_decoded(coding: str) -> None:
    """A small body that is large inside ends at the limit, in every coding and in ClickHouse's own framing."""
    tracemalloc.start()
    try:
        with pytest.raises(errors.ClickHouseError) as refusal:
            plain(BOMBS[coding], coding.removeprefix("framed"), framed=coding.startswith("framed"), limit=MIB)
        assert (refusal.value.code, refusal.value.status) == (637, 413)
        assert tracemalloc.get_traced_memory()[1] < 48 * MIB
    finally:
        tracemalloc.stop()


def test_a_frame_that_lies_about_its_size_is_damaged() -> None:
    """What a frame says of its plain size is what is taken, not what its content says of itself."""
    packed = zstandard.ZstdCompressor().compress(bytes(64 * MIB))
    framed = frames._HEADER.pack(frames._ZSTD, len(packed) + frames._HEADER.size, 10) + packed
    with pytest.raises(errors.ClickHouseError, match="larger than the limit of 10 bytes"):
        plain(frames._checksum(framed) + framed, "", framed=True)


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
    end = heads.data_start(head, final=True)
    assert (head[end:] if end else None) == data


@pytest.mark.parametrize(
    ("statement_text", "takes"),
    [
        (b"INSERT INTO t FORMAT TSV", True),
        (b" /* x */ -- y\n insert into t VALUES", True),
        (b"WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", True),
        (b"WITH x AS (SELECT 1) SELECT 'INSERT INTO' FROM x", False),
        (b"# INSERT\nSELECT 1", False),
        (b"SELECT 1 /* INSERT INTO", False),
        (b"", False),
    ],
)
def test_a_statement_that_takes_rows_is_known_by_its_first_words(statement_text: bytes, takes: bool) -> None:
    """INSERT, or WITH whose statement is an INSERT; comments and strings say nothing."""
    assert heads.takes_rows(statement_text) is takes


class Counted(bytes):
    """Bytes that count how often and how far they are searched."""

    steps = 0

    def find(self, what: bytes, at: int = 0) -> int:  # type: ignore[override]
        """Search as bytes do."""
        found = super().find(what, at)
        Counted.steps += (len(self) if found < 0 else found) - at
        return found


@pytest.mark.parametrize(
    "unit", [b"/**/", b"/*", b"--\n", b"--", b"'", b"\\'", b"'\\'", b"`", b"INSERT ", b"FORMAT ", b"(", b"#"]
)
@pytest.mark.parametrize("head", [b"", b"INSERT INTO t ", b"WITH "])
def test_where_rows_begin_is_found_in_one_pass(unit: bytes, head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is repeated before a statement, twice as much of it takes twice as many steps, and no more."""
    steps = 0

    def search(pattern: re.Pattern[bytes]) -> Callable[[bytes, int], re.Match[bytes] | None]:
        def counting(text: bytes, at: int) -> re.Match[bytes] | None:
            nonlocal steps
            found = pattern.search(text, at)
            steps += (found.end() if found else len(text)) - at
            return found

        return counting

    class Counting:
        """A pattern whose searches are counted by the bytes that they pass."""

        def __init__(self, pattern: re.Pattern[bytes]) -> None:
            self.search = search(pattern)

    monkeypatch.setattr(heads, "_MARK", Counting(heads._MARK))
    monkeypatch.setattr(heads, "_STRING_MARK", {q: Counting(p) for q, p in heads._STRING_MARK.items()})
    for count in (24, 10_000):
        text = Counted(head + unit * count + b"SELECT 1")
        steps, Counted.steps = 0, 0
        heads.data_start(text, final=True)
        heads.takes_rows(text)
        assert steps + Counted.steps <= 2 * len(text) + 2


@pytest.mark.parametrize(
    ("text", "value"),
    [("54460", 54460), ("0", 0), ("", 0), ("-1", 0), ("1.5", 0), ("x", 0), ("9" * 5000, 0), ("\u0663", 0), (" 1", 0)],
)
def test_a_number_is_a_number_or_nothing(text: str, value: int) -> None:
    """Any text is some number, however long."""
    assert numbers.whole(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("nan", 60), ("inf", 100), ("-inf", 0), ("1e999", 100), ("x", 60), ("9" * 5000, 100)]
)
def test_seconds_are_seconds_within_bounds(text: str, value: float) -> None:
    """A session lasts a while, whatever is asked; `nan` is not for ever."""
    assert numbers.seconds(text, 60, 100) == value


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "0", "-1", "-0", "31", "9" * 400])
def test_no_number_raises_a_limit(value: str) -> None:
    """What compares strangely is the endpoint's own limit."""
    assert (
        settings.effective({"max_execution_time": value}, settings.Limits(execution_seconds=30))["max_execution_time"]
        == "30"
    )


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/form-data; boundary=a", b"--a\r\n" * 5000),
        ("multipart/form-data; boundary=a", b"--a\r\n" + b"x" * 100_000 + b"\r\n\r\n\r\n--a--"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b""),
        ('multipart/form-data; "' + ";" * 100_000, b""),
    ],
    ids=["many parts", "a long head", "no boundary", "an empty boundary", "a long content type"],
)
def test_a_form_is_read_within_bounds(content_type: str, content: bytes) -> None:
    """Parts and their heads are bounded before they are read."""
    with pytest.raises(errors.ClickHouseError) as refusal:
        forms.parse(content_type, content)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    "text", ["a", "a = ", "a = 1 b = 2", "a.b = 1", "a = disk(type = local)", "a = 'x", "= 1", ", "]
)
def test_settings_are_names_with_plain_values(text: str) -> None:
    """What is anything else is refused before the engine can take it for a setting."""
    with pytest.raises(errors.ClickHouseError):
        clauses.parse(text)


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

"""Streams whose zstd one decompressor undoes are what Arrow reads; what is damaged stays Arrow's to refuse."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.write import arrow_messages, arrow_plain, by_storage
from modelspan_collector.write.arrow_messages import NOT_COMPRESSED, PREFIX
from modelspan_collector.write.profile import Groups

ROWS = 200


def table(rows: int = ROWS) -> pa.Table:
    """Columns of every layout: with and without nulls, dictionaries, views and lists, some of which do not compress."""
    numbers = np.random.default_rng(7).normal(size=rows)
    texts = [f"text {index % 7} of some length" for index in range(rows)]
    return pa.table(
        {
            "numbers": numbers,
            "holes": pa.array(numbers, mask=numbers > 0),
            "same": np.zeros(rows),
            "flags": numbers > 0,
            "texts": texts,
            "categories": pa.array(texts).dictionary_encode(),
            "views": pa.array(texts, pa.string_view()),
            "vectors": pa.array([[value] * 3 for value in numbers], pa.list_(pa.float32())),
            "nothing": pa.nulls(rows),
        }
    )


def stream(whole: pa.Table, compression: str | None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in whole.to_batches(max_chunksize=max(1, whole.num_rows // 2)):
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def undone(body: bytes) -> bytes:
    return arrow_plain.plain(body, arrow_messages.read(body))


@pytest.mark.parametrize("compression", ["zstd", "lz4", None])
@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_a_stream_is_the_same_table_however_it_is_undone(compression: str | None, rows: int) -> None:
    whole = table(rows)
    body = stream(whole, compression)
    read = by_storage.read(undone(body))
    read.validate(full=True)
    assert read.equals(whole)


def test_no_zstd_is_left_for_arrow_and_other_codecs_are_left_alone() -> None:
    buffers = [each for message in arrow_messages.read(undone(stream(table(), "zstd"))) for each in message.buffers]
    assert buffers
    assert {each.size for each in buffers} == {NOT_COMPRESSED}
    other = stream(table(), "lz4")
    assert undone(other) is other


@given(st.data())
def test_a_damaged_stream_is_refused_or_read_as_arrow_does(data: st.DataObject) -> None:
    """Whatever a byte is turned into: an error, or what Arrow makes of it, which does not look at every buffer."""
    body = bytearray(stream(table(20), "zstd"))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))

    def read(how: object) -> pa.Table | None:
        try:
            found = by_storage.read(undone(bytes(body)) if how is undone else bytes(body))
            found.validate(full=True)
            return found
        except (pa.ArrowException, OSError, ValueError, KeyError, arrow_messages.struct.error, MemoryError):
            return None

    if sum(message.size for message in _messages(bytes(body))) < 1 << 20:
        ours, theirs = read(undone), read(None)
        assert ours is None or (theirs is not None and stream(ours, None) == stream(theirs, None))


def _messages(body: bytes) -> list[arrow_messages.Message]:
    try:
        return arrow_messages.read(body)
    except (pa.ArrowException, OSError, ValueError, KeyError, arrow_messages.struct.error, MemoryError):
        return []


def test_a_length_that_is_not_the_buffer_s_is_refused() -> None:
    """A buffer that says to become more than it does is not believed, and neither is a frame beyond its buffer."""
    body = stream(table(), "zstd")
    message = next(each for each in arrow_messages.read(body) if each.buffers)
    buffer = next(each for each in message.buffers if each.size > 0)
    content = bytes(memoryview(message.body))
    at = body.index(content) + buffer.begin
    lying = body[:at] + PREFIX.pack(buffer.size + 8) + body[at + PREFIX.size :]
    with pytest.raises((pa.ArrowException, OSError)):
        by_storage.read(undone(lying))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(1, 3))
def test_flags_of_few_groups_and_of_many_are_counted_alike(lengths: list[int], columns: int) -> None:
    lengths = [length + 1 for length in lengths]
    starts = np.cumsum([0, *lengths[:-1]])
    flags = np.random.default_rng(sum(lengths)).random((columns, sum(lengths))) < 0.5
    wanted = [
        [flags[column, start : start + length].sum() for start, length in zip(starts, lengths, strict=True)]
        for column in range(columns)
    ]
    assert Groups(starts, sum(lengths)).counts(flags).tolist() == wanted

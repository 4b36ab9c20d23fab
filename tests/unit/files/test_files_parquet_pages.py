"""Posted Parquet is held to what its pages unfold to, whatever its footer says."""

from __future__ import annotations

import base64

import pyarrow as pa
import pyarrow.parquet as parquet
import pyarrow.parquet.encryption as encryption
import pytest

from modelspan_analyzer.files.parquet_pages import told_size
from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.rows import FileError

SIZE, LIMIT = 8 << 20, 1 << 20
WRITERS = {
    "plain": {"use_dictionary": False},
    "dictionary": {},
    "second version": {"data_page_version": "2.0", "use_dictionary": False},
    "small pages": {"data_page_size": 1000, "write_batch_size": 100, "use_dictionary": False},
    "checksums": {"write_page_checksum": True, "use_dictionary": False},
    "statistics": {"write_page_index": True},
}


def written(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, **{"compression": "zstd", **options})
    return bytes(sink.getvalue().to_pybytes())


def varint(number: int, size: int = 0) -> bytes:
    """A number as Thrift writes it, in at least so many bytes."""
    number, made = number << 1, bytearray()
    while number > 127 or len(made) + 1 < size:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


@pytest.mark.parametrize("kind", WRITERS)
def test_honest_files_say_the_same_in_pages_and_footer(kind: str) -> None:
    """Whatever the writer's options, and with several groups, nulls and nested columns."""
    rows = range(5000)
    table = pa.table({
        "n": [row % 7 or None for row in rows],
        "t": [f"text {row % 100}" for row in rows],
        "l": [[row, row] for row in rows],
    })  # fmt: skip
    raw = written(table, row_group_size=1500, **WRITERS[kind])
    told = parquet.read_metadata(pa.BufferReader(raw))
    footer = sum(told.row_group(at).total_byte_size for at in range(told.num_row_groups))

    assert 0.5 * footer <= told_size(raw) <= footer
    assert from_bytes(raw, limit=1 << 24).table.num_rows == len(rows)


@pytest.mark.parametrize("kind", ["plain", "dictionary", "second version"])
def test_a_footer_that_lies_unfolds_nothing(kind: str) -> None:
    """A few kilobytes of zeros that the footer calls small are refused before they are decompressed."""
    raw = written(pa.table({"a": [bytes(SIZE)]}), **{**WRITERS[kind], "write_statistics": False})
    told = parquet.read_metadata(pa.BufferReader(raw))
    size = told.row_group(0).total_byte_size
    at = raw.rindex(b"", 0, len(raw) - 8 - int.from_bytes(raw[-8:-4], "little"))
    lying = raw[:at] + raw[at:].replace(varint(size), varint(100, len(varint(size))))
    assert len(raw) < 100_000
    assert parquet.read_metadata(pa.BufferReader(lying)).row_group(0).total_byte_size == 100

    before = pa.total_allocated_bytes()
    with pytest.raises(FileError, match="unfolds to more than"):
        from_bytes(lying, limit=LIMIT)
    assert pa.total_allocated_bytes() - before < LIMIT


def test_every_damaged_header_is_an_error_or_read_within_the_limit() -> None:
    """Each byte of the pages, changed in each bit: a sentence, never anything else, and never without an end."""
    raw = written(pa.table({"a": ["x", "y", None]}), write_statistics=False)
    for at in range(4, len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")):
        for bit in range(8):
            damaged = bytearray(raw)
            damaged[at] ^= 1 << bit
            try:
                from_bytes(bytes(damaged), limit=LIMIT)
            except FileError as error:
                assert len(str(error)) > 10


def encrypted(*, plain_footer: bool) -> bytes:
    """A file of which one column is encrypted."""

    class Keys(encryption.KmsClient):
        """Hands keys out as they are."""

        def wrap_key(self, key: bytes, master: str) -> bytes:
            return base64.b64encode(key)

        def unwrap_key(self, key: bytes, master: str) -> bytes:
            return base64.b64decode(key)

    factory = encryption.CryptoFactory(lambda _: Keys())
    properties = factory.file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration("foot", column_keys={"key": ["a"]}, plaintext_footer=plain_footer),
    )
    return written(pa.table({"a": [1], "b": [2]}), encryption_properties=properties)


@pytest.mark.parametrize("plain_footer", [True, False])
def test_what_is_encrypted_is_a_sentence_and_never_the_end_of_the_process(*, plain_footer: bool) -> None:
    """Parquet's own metadata end the process when they are asked for an encrypted column."""
    with pytest.raises(FileError, match="encrypted"):
        from_bytes(encrypted(plain_footer=plain_footer), limit=LIMIT)


def test_a_column_that_is_forged_to_look_encrypted_is_a_sentence_too() -> None:
    """In a file that does not say that it is encrypted: a chunk's offset is made the field of a column's key."""
    raw = written(pa.table({"a": [1]}), store_schema=False)
    footer = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    at = raw.index(b"\x26\x00\x1c", footer)  # a chunk's field 2, its file offset, and then field 3, its metadata
    forged = raw[:at] + b"\x26\x00\x5c\x2c\x19\x18\x01a\x00\x00\x00" + raw[at + 2 :]
    forged = forged[:-8] + (int.from_bytes(raw[-8:-4], "little") + 9).to_bytes(4, "little") + b"PAR1"
    with pytest.raises(FileError, match=r"encrypted|footer cannot be read"):
        from_bytes(forged, limit=LIMIT)


def test_every_damaged_footer_is_an_error_or_read_within_the_limit() -> None:
    """Each byte of the footer, changed in each bit."""
    raw = written(pa.table({"a": ["x", None]}), write_statistics=False, store_schema=False)
    for at in range(len(raw) - 8 - int.from_bytes(raw[-8:-4], "little"), len(raw)):
        for bit in range(8):
            damaged = bytearray(raw)
            damaged[at] ^= 1 << bit
            try:
                from_bytes(bytes(damaged), limit=LIMIT)
            except FileError as error:
                assert len(str(error)) > 10

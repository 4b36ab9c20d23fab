"""Reads a file of rows by what it holds, not by its name: delimited text, JSON, Parquet, Feather, compressed or not."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as parquet

from modelspan.features import place
from modelspan_analyzer.files.bounds import NO_LIMIT, check_shape, check_unfolded, too_large, unfolded
from modelspan_analyzer.files.cells import is_number, is_text
from modelspan_analyzer.files.delimited import distinct_names, read_delimited
from modelspan_analyzer.files.encoding import as_utf8
from modelspan_analyzer.files.json_rows import read_json
from modelspan_analyzer.files.parquet_pages import told_size
from modelspan_analyzer.files.places import is_there, reason
from modelspan_analyzer.files.rows import FileError, FileRows, Remarks
from modelspan_analyzer.files.typed import with_types
from modelspan_analyzer.files.written import AS_FOUND, Written
from modelspan_collector.bounded import BoundedError, TooManyBytesError, decompress
from modelspan_collector.write.arrow_size import uncompressed_size

_FEATHER: Final = b"ARROW1"
_REFUSED: Final = {
    b"PK\x03\x04": "is a ZIP archive or an Excel workbook: save the sheet as CSV, or unpack it",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: save the sheet as CSV",
    b"SQLite format 3": "is an SQLite database: export the table as CSV or Parquet",
    b"ORC": "is an ORC file: convert it to Parquet",
    b"Obj\x01": "is an Avro file: convert it to Parquet",
    b"\x89HDF": "is an HDF5 file: convert it to Parquet",
    b"\x80\x04": "is a pickle: write the frame with `to_parquet`",
    b"\x80\x05": "is a pickle: write the frame with `to_parquet`",
    b"PARE": "is an encrypted Parquet file: write it again without encryption",
    b"WHY1": "is a profile of whylogs, which has no rows: `modelspan baseline set --format whylogs` takes it",
    b"FEA1": "is a Feather file of version 1: write it again with a newer library",
}
_PARTS: Final = ("", ".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json", ".feather", ".arrow")
_PACKED: Final = (".gz", ".zst", ".bz2", ".xz")

Unpack = Callable[[bytes, int], bytes]
"""Undoes a compression up to so many bytes."""
BinaryReader = Callable[[bytes, int, Remarks], pa.Table]
"""Reads the bytes of a file that may unfold to so many, and says what it leaves out."""


def read(path: Path, texts: Collection[str] = (), written: Written = AS_FOUND) -> FileRows:
    """Read a file, or all files of a folder as one.

    Args:
        path: the file or folder.
        texts: columns that stay as they are written, such as ids.
        written: what the user says of how its text is written.

    Raises:
        FileError: it does not exist or holds no rows of columns; the message says what it is.
    """
    try:
        if is_there(path) and path.is_dir():
            return _folder(path, frozenset(texts), written)
        return from_bytes(path.read_bytes(), frozenset(texts), written=written)
    except OSError as error:
        raise FileError(f"cannot read {path}: {reason(error)}") from error
    except FileError as error:
        raise FileError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from error


def from_bytes(raw: bytes, texts: Collection[str] = (), limit: int = NO_LIMIT, written: Written = AS_FOUND) -> FileRows:
    """Read the bytes of a file.

    Args:
        raw: the bytes.
        texts: columns that stay as they are written.
        limit: the most bytes that it may unfold to.
        written: what the user says of how its text is written.

    Raises:
        FileError: it holds no rows of columns, or unfolds to more than the limit.
    """
    remarks, texts = Remarks(), frozenset(texts)
    raw = _unpacked(raw, limit)
    for mark, reader in _BINARY.items():
        if raw.startswith(mark):
            return _typed(raw, limit, remarks, reader)
    for mark, words in _REFUSED.items():
        if raw.startswith(mark):
            raise FileError(f"it {words}; CSV, TSV, JSON lines, Parquet and Feather are read")
    text = as_utf8(raw, remarks, written.encoding)
    if len(text) > limit:
        raise too_large(limit)
    if not written.skip_rows and text.lstrip()[:1] in (b"{", b"["):
        return read_json(text.strip(), remarks, texts, date_order=written.date_order, trusted=limit >= NO_LIMIT)
    rows = read_delimited(text, remarks, written.skip_rows)
    return with_types(rows, texts, written.date_order)


def _typed(raw: bytes, limit: int, remarks: Remarks, reader: BinaryReader) -> FileRows:
    try:
        return _arrow(reader(raw, limit, remarks), remarks)
    except (pa.ArrowException, OSError, struct.error, UnicodeDecodeError) as error:  # the last: a name that is no text
        words = "it begins as Parquet or another file of typed columns, and cannot be read as such"
        raise FileError(f"{words}: {error}") from error


def _parquet(raw: bytes, limit: int, remarks: Remarks) -> pa.Table:
    """Read Parquet whose metadata, read first, says that it keeps to the limit; and stop where it does not.

    Raises:
        FileError: it unfolds to more than the limit.
    """
    if limit >= NO_LIMIT:
        return parquet.read_table(pa.BufferReader(raw), partitioning=None)
    if told_size(raw) > limit:
        raise too_large(limit)
    fields = list(parquet.read_schema(pa.BufferReader(raw)))
    nested = [field.name for field in fields if place(field).place is None and pa.types.is_nested(field.type)]
    for name in nested:  # a repeated text within a list unfolds unasked
        remarks.leave_out(f"column {name!r}: it is nested, which has no place")
    texts = [field.name for field in fields if is_text(field.type)]
    file = parquet.ParquetFile(pa.BufferReader(raw), read_dictionary=texts)  # a repeated text unfolds only when asked
    batches, total = [], 0
    for batch in file.iter_batches(8192, columns=[field.name for field in fields if field.name not in nested]):
        total += sum(map(unfolded, batch.columns))
        if total > limit:
            raise too_large(limit)
        batches.append(batch)
    return pa.Table.from_batches(batches) if batches else file.schema_arrow.empty_table()


def _ipc(raw: bytes, limit: int, _: Remarks) -> pa.Table:
    """Read an Arrow file or stream, whose metadata tell how large its buffers are before one is decompressed."""
    is_file = raw.startswith(_FEATHER)
    if limit < NO_LIMIT and uncompressed_size(raw[8:] if is_file else raw) > limit:
        raise too_large(limit)
    table = (pa.ipc.open_file if is_file else pa.ipc.open_stream)(pa.BufferReader(raw)).read_all()
    if limit < NO_LIMIT:
        check_unfolded(table, limit)
    return table


_BINARY: Final[dict[bytes, BinaryReader]] = {
    b"PAR1": _parquet,
    _FEATHER: _ipc,
    b"\xff\xff\xff\xff": _ipc,  # an Arrow stream
}
"""Formats of typed columns, by the bytes that they begin with."""


def _arrow(table: pa.Table, remarks: Remarks) -> FileRows:
    """A table of typed columns, each under a name of its own."""
    check_shape(table.num_rows, table.num_columns)
    return FileRows.of(table.rename_columns(distinct_names(table.column_names, remarks)), remarks)


def _unpacked(raw: bytes, limit: int) -> bytes:
    for _ in range(3):
        unpack = next((undo for mark, undo in _COMPRESSIONS.items() if raw.startswith(mark)), None)
        if unpack is None:
            break
        try:
            raw = unpack(raw, limit)
        except TooManyBytesError as error:
            raise too_large(limit) from error
        except BoundedError as error:
            raise FileError(f"its compression is broken: {error}") from error
    if len(raw) > limit:
        raise too_large(limit)
    return raw


_COMPRESSIONS: Final[dict[bytes, Unpack]] = {
    b"\x1f\x8b": partial(decompress, "gzip"),
    b"\x28\xb5\x2f\xfd": partial(decompress, "zstd"),
    b"\x04\x22\x4d\x18": partial(decompress, "lz4"),
    b"BZh": partial(decompress, "bzip2"),
    b"\xfd7zXZ": partial(decompress, "xz"),
}


def _folder(path: Path, texts: frozenset[str], written: Written) -> FileRows:
    """All files of a folder in the order of their names, with `name=value` folders as columns."""
    found = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file, path))
    files = [file for file in found if _is_part(file)]
    if not files:
        raise FileError("the folder holds no CSV, JSON lines, Parquet or Feather file")
    remarks = Remarks()
    if others := [file.relative_to(path) for file in found if file not in files]:
        remarks.leave_out(f"{len(others):,} files of other kinds, such as {others[0]}")
    parts: list[tuple[Path, FileRows]] = []
    for file in files:
        name = file.relative_to(path)
        try:
            parts.append((name, read(file, texts, written)))
        except FileError as error:
            remarks.leave_out(f"{name}: {str(error).removeprefix(f'{file}: ')}")
    if not parts:
        raise FileError(f"no file of the folder can be read: {remarks.left_out[0]}")
    columns, tables, percents = _of_most_cells(parts), [], frozenset[str]()
    for name, part in parts:
        table = part.table
        if not columns & set(table.column_names):
            remarks.leave_out(f"{name}: it shares no column with the other files")
            continue
        for column, value in _partitions(name):
            if column not in table.column_names:
                table = table.append_column(column, pa.array([value] * table.num_rows, pa.string()))
        tables.append(table)
        percents |= part.percents
        for sentence in part.remarks.assumed:
            remarks.assume(f"{name}: {sentence}")
        for sentence in part.remarks.left_out:
            remarks.leave_out(f"{name}: {sentence}")
    whole = _joined(tables, texts, remarks, written.date_order)
    remarks.assume(f"the {len(tables):,} files of the folder follow each other in the order of their names")
    return replace(whole, percents=whole.percents | percents)


def _of_most_cells(parts: list[tuple[Path, FileRows]]) -> set[str]:
    """The columns of the table whose parts hold most cells; a text beside it may have more lines, in one column."""
    cells: dict[str, int] = {}
    for _, part in parts:
        for name in part.table.column_names:
            cells[name] = cells.get(name, 0) + part.table.num_rows * part.table.num_columns
    most = max(cells, key=lambda name: cells[name], default="")
    return {name for _, part in parts if most in part.table.column_names for name in part.table.column_names}


def _joined(tables: list[pa.Table], texts: frozenset[str], remarks: Remarks, date_order: str) -> FileRows:
    """Tables below each other; a column that is of other types in some is told anew from the texts of all."""
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, found in kinds.items() if len(found) > 1 and not all(map(is_number, found))}
    joined = []
    for table in tables:
        for name in mixed & set(table.column_names):
            column = FileRows.of(table).column(name)
            plain = pa.nulls(len(column), pa.string()) if pa.types.is_nested(column.type) else column.cast(pa.string())
            table = table.set_column(table.column_names.index(name), name, plain)
        joined.append(table)
    rows = FileRows.of(pa.concat_tables(joined, promote_options="permissive"), remarks)
    return with_types(rows, texts | (kinds.keys() - mixed), date_order)


def _hidden(file: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(root).parts)


def _is_part(file: Path) -> bool:
    name = file.name.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    return Path(name).suffix in _PARTS


def _partitions(file: Path) -> list[tuple[str, str]]:
    return [(name, value) for name, sep, value in (part.partition("=") for part in file.parts[:-1]) if sep]

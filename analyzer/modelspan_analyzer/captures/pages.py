"""Files of records, some records at a time: Parquet, CSV with a header, or an object a line of JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as parquet

from modelspan_analyzer.captures.lines import Lines, read_lines
from modelspan_analyzer.captures.misfits import Misfits

Placed = tuple[Mapping[str, Any], str]
"""A record, and its place."""
Page = tuple[list[Placed], int]
"""Some records, and the bytes that were read for them."""

_PARQUET: Final = b"PAR1"
_ROWS: Final = 10_000


def pages(file: Path, columns: Sequence[str], misfits: Misfits) -> Iterator[Page]:
    """The records of a file.

    Args:
        file: told by what it holds.
        columns: those that are read of Parquet, where it has them.
        misfits: told of what is no record.
    """
    with file.open("rb") as opened:
        is_parquet = opened.read(4) == _PARQUET
    yield from _parquet(file, columns, misfits) if is_parquet else _text(file, misfits)


def _parquet(file: Path, columns: Sequence[str], misfits: Misfits) -> Iterator[Page]:
    row = 1
    try:
        with file.open("rb") as opened:
            table = parquet.ParquetFile(opened)
            there = [name for name in columns if name in table.schema_arrow.names]
            for batch in table.iter_batches(_ROWS, columns=there):
                yield [(each, f"{file} row {row + at}") for at, each in enumerate(batch.to_pylist())], batch.nbytes
                row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        misfits.rest(error, f"{file} from row {row}")


def _text(file: Path, misfits: Misfits) -> Iterator[Page]:
    batches = read_lines([file], misfits)
    for lines in batches:
        first = next((text for text in lines.texts if text and not text.isspace()), b"{")
        if not first.lstrip().startswith((b"{", b"[")):
            yield from _csv(chain((lines,), batches), file, misfits)
            return
        yield _json(lines, misfits), lines.size


def _json(lines: Lines, misfits: Misfits) -> list[Placed]:
    """The objects of lines, and of lists of them, as some tools print a table."""
    return [
        (each if isinstance(each, dict) else {}, lines.place(at))
        for at, found in lines.parsed(misfits)
        for each in (found if isinstance(found, list) else (found,))
    ]


def _csv(batches: Iterable[Lines], file: Path, misfits: Misfits) -> Iterator[Page]:
    """Records of CSV, any of which may go over several lines."""
    size = [0]

    def texts() -> Iterator[str]:
        for lines in batches:
            size[0] += lines.size
            for text in lines.texts:
                yield text.decode("utf-8", "replace") + "\n"

    reader = csv.DictReader(texts(), strict=True)
    with suppress(csv.Error):  # it reads the header on use
        _ = reader.fieldnames
    found: list[Placed] = []
    while True:
        place = f"{file} line {reader.line_num + 1}"
        try:
            record = next(reader, None)
        except csv.Error as error:
            misfits.line(f"records that cannot be read as CSV ({error})", place)
            continue
        if record is not None:
            found.append(({name: value for name, value in record.items() if name is not None and value != ""}, place))
        if record is None or len(found) == _ROWS:
            yield found, size[0]
            found, size[0] = [], 0
        if record is None:
            return

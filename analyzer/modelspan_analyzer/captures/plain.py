"""Lines of one shape, read by columns: what is as it is with most captures costs no Python a line.

Arrow parses a batch of lines at once where each is one object and its texts are texts. Lines with anything else are
left to who reads them one by one, and says what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from modelspan_analyzer.captures.lines import Lines
from modelspan_analyzer.captures.payload import Header
from modelspan_collector.cloudevents.payloads import MisfitError

_FEWEST: Final = 64
"""Lines that are not parsed together any more, where one of them is not as the others."""
_BLOCK: Final = 4 * 2**20
"""Bytes that a thread parses; a line of more is read by itself."""
Positions = np.ndarray[tuple[int], np.dtype[np.int64]]


class Plain(NamedTuple):
    """Events of one row each, whose request and answer are CSV, as columns of texts without a missing one."""

    at: Positions
    """Where each stood in its batch."""
    ids: pa.Array
    times: pa.Array
    """As written; missing where there is none."""
    asked: pa.Array
    answered: pa.Array


def parsed(lines: Lines, schema: pa.Schema) -> list[tuple[Positions, pa.Table]]:
    """Lines as columns, each with its position, in runs that fit the schema; what is in none is to be read by line.

    Args:
        lines: empty ones are in no run.
        schema: the fields that count; others are passed over.
    """
    if (table := _together(lines.whole, lines.count, schema)) is not None:
        return [(np.arange(lines.count), table)]
    found: list[tuple[Positions, pa.Table]] = []
    waiting = [np.flatnonzero(np.fromiter(map(len, lines.texts), np.int64, lines.count))]
    while waiting:
        some = waiting.pop()
        whole = b"\n".join([lines.texts[each] for each in some.tolist()])
        if (table := _together(whole, len(some), schema)) is not None:
            found.append((some, table))
        elif len(some) > _FEWEST:
            waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
    return found


def together(runs: Sequence[Plain]) -> Plain | None:
    """Runs of events as one, so that all of them tell the types of columns; None where there are no events."""
    whole = [np.concatenate([each.at for each in runs])] if runs else []
    if not whole or not len(whole[0]):
        return None
    return Plain(whole[0], *(pa.concat_arrays(parts) for parts in zip(*(each[1:] for each in runs), strict=True)))


def others(plain: Plain | None, count: int) -> list[int] | None:
    """The positions of so many lines that are none of these events'; None where there are none."""
    if plain is None:
        return None
    left = np.ones(count, bool)
    left[plain.at] = False
    return list(np.flatnonzero(left).tolist())


def _together(whole: bytes, count: int, schema: pa.Schema) -> pa.Table | None:
    """The objects of so many lines; None where not each line is one."""
    if not whole.startswith(b"{") or not whole.endswith(b"}") or whole.count(b"}\n{") != count - 1:
        return None
    try:
        if not whole.isascii():
            whole.decode()
        table = arrow_json.read_json(
            pa.BufferReader(whole),
            arrow_json.ReadOptions(block_size=_BLOCK),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return table if table.num_rows == count else None


def column(table: pa.Table, *path: str) -> pa.Array:
    """A field within others, in one piece; missing where any of them is."""
    values = table[path[0]].combine_chunks()
    for name in path[1:]:
        values = pc.struct_field(values, name)
    return values


def single_rows(texts: pa.Array, header: Header) -> tuple[pa.Array, pa.Array]:
    """Payloads of CSV without the ends of their lines, and which are one row without quotes, of all columns."""
    held = _values(texts)
    if b"\n" in held or b"\r" in held:
        texts = pc.utf8_rtrim(texts, "\r\n")
        held = _values(texts)
    simple = pc.greater(pc.binary_length(texts), 0)
    for mark in (b'"', b"\n", b"\r"):
        if mark in held:
            simple = pc.and_not(simple, pc.match_substring(texts, mark.decode()))
    simple = simple.fill_null(False)
    commas = pc.count_substring(texts, ",")
    first = pc.index(simple, True).as_py()
    try:
        width = len(header.fit(commas[first].as_py() + 1)) if first >= 0 else 0
    except MisfitError:
        width = len(header.names)
    return texts, pc.and_(simple, pc.equal(commas, width - 1)).fill_null(False)


def _values(texts: pa.Array) -> bytes:
    """The bytes of all texts, one behind the other, without a copy being walked in Python."""
    _validity, offsets, values = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return values.slice(int(ends[0]), int(ends[-1] - ends[0])).to_pybytes() if values is not None else b""


def csv_of(rows: pa.Array) -> pa.Buffer:
    """Rows of CSV as one text."""
    return pa.py_buffer(_values(pc.binary_join_element_wise(rows, "", "\n")))

"""Lines of one shape, read by columns: what is as it is with most captures costs no Python a line.

Arrow parses a batch of lines at once where each is one object and its texts are texts. Lines with anything else are
left to who reads them one by one, and says what is wrong with them.
"""

from __future__ import annotations

import base64
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
_LINE_ENDS: Final = (ord("\r"), ord("\n"))
_NONE: Final = np.empty(0, np.int64)


class Plain(NamedTuple):
    """Events whose request and answer are CSV of as many rows, as columns of texts without a missing one."""

    at: Positions
    """Where each stood in its batch."""
    counts: Positions
    """How many rows each has."""
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
    at, counts = (np.concatenate([_NONE, *(each[place] for each in runs)]) for place in (0, 1))
    if not len(at):
        return None
    return Plain(at, counts, *(pa.concat_arrays(parts) for parts in zip(*(each[2:] for each in runs), strict=True)))


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


def csv_rows(texts: pa.Array, header: Header) -> tuple[pa.Array, Positions]:
    """Payloads of CSV without the ends of their lines, and how many rows each is; 0 of one with quotes, or of one that
    has not all columns in each row."""
    held, ends = _bytes(texts)
    if np.isin(held[ends[1:][np.diff(ends) > 0] - 1], _LINE_ENDS).any():
        texts = pc.ascii_rtrim(texts, "\r\n")
        held, ends = _bytes(texts)
    fits = (np.diff(ends) > 0) & texts.is_valid().to_numpy(zero_copy_only=False)  # below a null there may be bytes
    for mark in b'"\r':
        fits[np.searchsorted(ends[1:], np.flatnonzero(held == mark), side="right")] = False
    feeds, commas = np.flatnonzero(held == ord("\n")), np.flatnonzero(held == ord(","))
    counts = np.diff(np.searchsorted(feeds, ends)) + 1
    whose = np.repeat(np.arange(len(texts)), counts)
    upto = np.sort(np.concatenate([ends[1:], feeds]), kind="stable")  # of each row, the end
    widths = np.diff(np.searchsorted(commas, upto), prepend=0) + 1
    of_fitting = widths[fits[whose]]
    try:
        width = len(header.fit(int(of_fitting[0]))) if of_fitting.size else 0
    except MisfitError:
        width = len(header.names)
    fits[whose[widths != width]] = False
    return texts, np.where(fits, counts, 0)


def unpacked(texts: pa.Array) -> pa.Array:
    """Texts in base64 as what they hold; missing where that is no text."""
    return pa.array(map(_unpacked, texts.to_pylist()), pa.string())


def _unpacked(text: str | None) -> str | None:
    try:
        return None if text is None else base64.b64decode(text, validate=True).decode()
    except ValueError:
        return None


def _bytes(texts: pa.Array) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], Positions]:
    """The bytes of all texts, one behind the other, and where each begins, and the last ends; without a copy."""
    _validity, offsets, values = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    held = np.frombuffer(values, np.uint8) if values is not None else np.empty(0, np.uint8)
    return held[int(ends[0]) : int(ends[-1])], ends - ends[0]


def csv_of(rows: pa.Array) -> pa.Buffer:
    """Rows of CSV as one text."""
    return pa.py_buffer(np.ascontiguousarray(_bytes(pc.binary_join_element_wise(rows, "", "\n"))[0]))

"""Bytes of a text file as UTF-8, whatever encoding they came in."""

from __future__ import annotations

import codecs
from typing import Final

from modelspan_analyzer.files.rows import FileError, Remarks

_MARKS: Final = (  # the longest first: UTF-32's mark begins as UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT: Final = 4096
_NOT_IN_TEXT: Final = [code for code in range(1, 32) if code not in b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f"]


def as_utf8(raw: bytes, remarks: Remarks) -> bytes:
    """The same text in UTF-8 and without NUL, and what was assumed of it."""
    encoding = _marked(raw)
    if encoding not in ("utf-8", "utf-8-sig"):
        remarks.assume(f"the text is {encoding.upper()}")
    if encoding.startswith("utf-8"):
        raw = raw.removeprefix(codecs.BOM_UTF8)
        raw = raw if _is_utf8(raw) else _not_utf8(raw, remarks)
    else:
        raw = raw.decode(encoding, "replace").removeprefix("\ufeff").encode()
    first = raw[:_LOOKED_AT]
    if sum(first.count(code) for code in _NOT_IN_TEXT) > 0.02 * len(first):
        raise FileError("it is neither text nor of another kind that is read: CSV, JSON lines, Parquet, Feather")
    if nul := raw.count(b"\0"):
        remarks.leave_out(f"{nul:,} NUL characters within the text")
        raw = raw.replace(b"\0", b"")
    return raw


def _marked(raw: bytes) -> str:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return name
    even, odd = raw[:_LOOKED_AT:2].count(0), raw[1:_LOOKED_AT:2].count(0)
    half = max(1, min(len(raw), _LOOKED_AT) // 2)
    if odd > 0.3 * half and odd > 10 * even:
        return "utf-16-le"
    if even > 0.3 * half and even > 10 * odd:
        return "utf-16-be"
    return "utf-8"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_utf8(raw: bytes, remarks: Remarks) -> bytes:
    """A Western European code page, or UTF-8 with a few broken bytes, by which of the two more of it is."""
    replaced = raw.decode("utf-8", "replace")
    broken = replaced.count("\ufffd")
    if len(replaced) - len(replaced.encode("ascii", "ignore")) > 2 * broken:
        line = raw[: _first_broken(raw)].count(b"\n") + 1
        remarks.assume(f"the text is UTF-8 with {broken:,} broken bytes (first in line {line}), read as \ufffd")
        return replaced.encode()
    try:
        text, name = raw.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        text, name = raw.decode("latin-1"), "Latin-1"
    remarks.assume(f"the text is not UTF-8: read as {name} (Western European)")
    return text.encode()


def _first_broken(raw: bytes) -> int:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(raw)

"""Bytes of a text file as UTF-8, whatever encoding they came in: told by the user, by a mark, or guessed and said.

Of encodings without a mark only UTF-8 and UTF-16 can be told for sure. Windows-1252, which Excel writes in the west, is
guessed; what would then read as no western text does is refused, as the guess is wrong beyond doubt.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases
from typing import Final

from modelspan_analyzer.files.rows import FileError, Remarks

_MARKS: Final = (  # the longest first: UTF-32's mark begins as UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KNOWN: Final = frozenset({*aliases.values(), "utf_8_sig"}) - {"mbcs", "oem"}
"""Encodings that decode in time proportional to the bytes; what is no text among them is refused by name."""
_LOOKED_AT: Final = 4096
_LONGER: Final = 1 << 20
_NOT_IN_TEXT: Final = [code for code in range(1, 32) if code not in b"\t\n\v\f\r\x1a\x1b\x1c\x1d\x1e\x1f"]
_MOST_NULS: Final = 0.01
_FEW: Final = 8
_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]+")
_ODD: Final = re.compile(rb"[a-z][\x82\x84\x86-\x8c\x8e\x9f][a-z\x82\x84\x86-\x8c\x8e\x9f]")
"""A capital letter or a quotation mark after a small letter, where DOS and old Macs have an umlaut or an accent."""
_PAIR: Final = re.compile(rb"[\x81-\xfe][\x40-\x7e\xa1-\xfe]")
"""A character of Big5; of those in use the first byte is from A4 to C6, where western texts have few."""
_FOREIGN: Final = 0.2
"""Share of words from which on a text is no western one."""
_SAY: Final = "say --encoding, such as --encoding cp1251, cp1250, shift_jis, gbk, big5, euc_kr or utf-16-le"


def as_utf8(raw: bytes, remarks: Remarks, told: str = "") -> bytes:
    """The same text in UTF-8 and without NUL, and what was assumed of it.

    Args:
        raw: the bytes.
        remarks: takes what was assumed and left out.
        told: the encoding, where the user said it.

    Raises:
        FileError: it is no text, or none in that encoding, or nobody can say in which.
    """
    raw = _decoded(raw, told).removeprefix("\ufeff").encode() if told else _guessed(raw, remarks)
    _refuse_controls(raw)
    if nul := raw.count(b"\0"):
        if nul > max(_FEW, _MOST_NULS * len(raw)):
            raise FileError(f"{nul:,} of its {len(raw):,} bytes are NUL, as in text of 16 or 32 bits; {_SAY}")
        remarks.leave_out(f"{nul:,} NUL characters within the text")
        raw = raw.replace(b"\0", b"")
    return raw


def _refuse_controls(raw: bytes) -> None:
    first = raw[:_LOOKED_AT]
    if sum(first.count(code) for code in _NOT_IN_TEXT) > 0.02 * len(first):
        raise FileError("it is neither text nor of another kind that is read: CSV, JSON lines, Parquet, Feather")


def _decoded(raw: bytes, told: str) -> str:
    try:
        name = codecs.lookup(told).name.replace("-", "_")
    except (LookupError, ValueError):
        name = ""
    codec = aliases.get(name, name)
    if codec not in _KNOWN:
        raise FileError(f"--encoding {told!r} is not known; {_SAY}")
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileError(f"it is not written in --encoding {told}: line {line} cannot be read as such") from None
    except LookupError:
        raise FileError(f"--encoding {told!r} is of no text; {_SAY}") from None


def _guessed(raw: bytes, remarks: Remarks) -> bytes:
    encoding = _marked(raw)
    if encoding not in ("utf-8", "utf-8-sig"):
        remarks.assume(f"the text is {encoding.upper()} (--encoding says otherwise)")
    if encoding.startswith("utf-8"):
        raw = raw.removeprefix(codecs.BOM_UTF8)
        return raw if _is_utf8(raw) else _not_utf8(raw, remarks)
    return raw.decode(encoding, "replace").removeprefix("\ufeff").encode()


def _marked(raw: bytes) -> str:
    """The encoding by a mark at the beginning, by escapes, or by where its zeros stand; UTF-8 where there are none."""
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return name
    if raw[:_LONGER].isascii() and re.search(rb"\x1b\$[@B]", raw[:_LONGER]):
        return "iso2022_jp"
    looked = raw[:_LONGER]
    even, odd = looked[::2].count(0), looked[1::2].count(0)
    half = max(1, len(looked) // 2)
    for name, here, there in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):  # line ends and commas have one
        if here > 2 * _MOST_NULS * half and here > 10 * there and (here > 0.3 * half or _is(looked, name)):
            return name
    return "utf-8"


def _is(looked: bytes, encoding: str) -> bool:
    try:
        text = looked[: len(looked) // 2 * 2].decode(encoding, "strict" if len(looked) < _LONGER else "ignore")
    except UnicodeDecodeError:
        return False
    return "\n" in text


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _not_utf8(raw: bytes, remarks: Remarks) -> bytes:
    """Windows-1252, or UTF-8 with a few broken bytes, by which of the two more of it is.

    Raises:
        FileError: it is neither.
    """
    replaced = raw.decode("utf-8", "replace")
    broken = replaced.count("\ufffd")
    if len(replaced) - len(replaced.encode("ascii", "ignore")) > 2 * broken:
        line = raw[: _first_broken(raw)].count(b"\n") + 1
        remarks.assume(f"the text is UTF-8 with {broken:,} broken bytes (first in line {line}), read as \ufffd")
        return replaced.encode()
    _refuse_controls(raw)
    line = raw[: _first_broken(raw)].count(b"\n") + 1
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    if not text or _is_foreign(raw):
        raise FileError(f"its text is neither UTF-8 nor Windows-1252 (Western European), first in line {line}; {_SAY}")
    remarks.assume("the text is not UTF-8: read as Windows-1252 (Western European; --encoding says otherwise)")
    return text.encode()


def _is_foreign(raw: bytes) -> bool:
    """Whether text is of no western language as Windows-1252: by its words, its marks within words, or its pairs."""
    looked = raw[:_LONGER]
    words = [word for word in _WORD.findall(looked) if len(word) > 2 and not word.isascii() and len(set(word)) > 1]
    foreign = sum(_has_no_letter(word) or _ODD.search(word) is not None for word in words)
    if foreign > _FOREIGN * len(words):
        return True
    pairs = _PAIR.findall(looked)
    usual = sum(b"\xa4" <= pair[:1] <= b"\xc6" for pair in pairs)
    return len(pairs) > 1 and usual > (1 - _FOREIGN) * len(pairs) and _PAIR.sub(b"", looked).isascii()


def _has_no_letter(word: bytes) -> bool:
    """Whether no letter is one of ASCII: no word of three letters in western languages, nearly all in others."""
    return min(word) >= 0x80 and (len(word) > 3 or max(word) >= 0xC0)


def _first_broken(raw: bytes) -> int:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(raw)

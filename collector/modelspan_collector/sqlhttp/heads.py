"""Where an INSERT's statement ends and its rows begin: one pass over the bytes, whatever they are.

Nothing here is matched twice: strings and comments are skipped to their end by looking for it, and what never ends
takes the rest of the text with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = re.compile(rb"['\"`#(){}]|--|/\*|[A-Za-z_]\w*")
"""Where something begins that matters: a string, a comment, a parenthesis, a word."""
_STRING_MARK = {quote: re.compile(rb"[\\" + quote + rb"]") for quote in (b"'", b'"', b"`")}


@dataclass(frozen=True, slots=True)
class Word:
    """A word outside of strings, comments, parentheses and braces."""

    text: bytes
    """In capitals."""
    start: int
    end: int


def takes_rows(statement: bytes) -> bool:
    """True for a whole statement that is an INSERT, whether its rows follow or a SELECT has given them."""
    before = b""
    for word in _words(statement):
        if not before and word.text not in (b"INSERT", b"WITH"):
            return False
        if (word.text == b"INSERT" and not before) or (before, word.text) == (b"INSERT", b"INTO"):
            return True
        before = word.text
    return False


def data_start(head: bytes, *, final: bool) -> int:
    """Where the rows of an INSERT begin; 0 where the statement has none or has not ended yet.

    Args:
        head: the statement, and what follows it.
        final: whether nothing comes after it.
    """
    before = Word(b"", 0, 0)
    inserts = False
    for word in _words(head):
        if not before.text and word.text not in (b"INSERT", b"WITH"):
            return 0
        if not before.text:
            inserts = word.text == b"INSERT"
        elif (before.text, word.text) == (b"INSERT", b"INTO"):
            inserts = True
        elif word.text == b"SELECT" or (inserts and word.text == b"WITH"):
            return 0
        end = _statement_end(head, before, word) if inserts else 0
        if end and (final or end < len(head)):
            return end
        before = word
    return 0


def _statement_end(head: bytes, before: Word, word: Word) -> int:
    """The end of `VALUES`, or of `FORMAT name` with its line; 0 where the word is neither."""
    if before.text == b"FORMAT" and head[before.end : word.start].isspace():
        end = _skip(head, word.end, b" \t")
        if head[end : end + 1] == b";":
            end = _skip(head, end + 1, b" \t")
        return end + (2 if head[end : end + 2] == b"\r\n" else head[end : end + 1] == b"\n")
    return word.end if word.text == b"VALUES" else 0


def _skip(text: bytes, at: int, what: bytes) -> int:
    while at < len(text) and text[at] in what:
        at += 1
    return at


def _words(text: bytes) -> Iterator[Word]:
    depth = at = 0
    while mark := _MARK.search(text, at):
        found, at = mark[0], mark.end()
        if found in _STRING_MARK:
            at = _string_end(text, at, found)
        elif found in (b"--", b"#"):
            at = _end_of(b"\n", text, at)
        elif found == b"/*":
            at = _end_of(b"*/", text, at)
        elif found in b"({":
            depth += 1
        elif found in b")}":
            depth -= 1
        elif depth == 0:
            yield Word(found.upper(), mark.start(), at)


def _string_end(text: bytes, at: int, quote: bytes) -> int:
    while mark := _STRING_MARK[quote].search(text, at):
        if mark[0] == quote:
            return mark.end()
        at = mark.end() + 1
    return len(text)


def _end_of(what: bytes, text: bytes, at: int) -> int:
    found = text.find(what, at)
    return len(text) if found < 0 else found + len(what)

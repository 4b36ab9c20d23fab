"""What the store's refusals mean: whether the data is at fault, and what may be said of them where."""

from __future__ import annotations

from typing import Final

from clickhouse_connect.driver.exceptions import DatabaseError

_DATA_ERRORS: Final = frozenset({
    6,  # CANNOT_PARSE_TEXT
    26, 27, 32, 33,  # CANNOT_PARSE_*, ATTEMPT_TO_READ_AFTER_EOF, CANNOT_READ_ALL_DATA
    53, 69, 70, 72,  # TYPE_MISMATCH, ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE, CANNOT_PARSE_NUMBER
    117, 128, 131,  # INCORRECT_DATA, TOO_LARGE_ARRAY_SIZE, TOO_LARGE_STRING_SIZE
    469,  # VIOLATED_CONSTRAINT
    190, 349, 407,  # SIZES_OF_ARRAYS_DONT_MATCH, CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, DECIMAL_OVERFLOW
    444,  # UNKNOWN_PROTOBUF_FORMAT
})  # fmt: skip
"""Error codes of ClickHouse that are about the data: sending the same again is of no use."""


def is_about_data(error: DatabaseError) -> bool:
    """Whether the rows are at fault, so that sending them again is of no use."""
    return error.code in _DATA_ERRORS


def reason(error: Exception) -> str:
    """The first line of an error; it may quote values, so it is for users and not for the collector's own log."""
    return str(error).split("\n", 1)[0][:300]


def kind(error: Exception) -> str:
    """What may be logged of an error: the store's name and number for it, or its type, and what the machine says."""
    if isinstance(error, DatabaseError) and error.code:
        return f"{error.name or 'error'} ({error.code})"
    if isinstance(error, OSError) and error.strerror:  # the machine's words, such as of a full disk
        return f"{type(error).__name__}: {error.strerror}"
    return type(error).__name__

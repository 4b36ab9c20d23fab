"""Why a store did not answer, in words for who asked: what an engine says of itself goes to the log alone."""

from __future__ import annotations

from typing import Final

from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_collector.store.errors import SchemaError, StoreFullError

_TOO_LARGE: Final = "this question needs more memory or time than the store has: ask for a shorter time or one version"
_BY_CODE: Final = {
    159: _TOO_LARGE,
    160: _TOO_LARGE,
    241: _TOO_LARGE,
    202: "the store is busy with as many queries as it may run: try again in a minute",
    243: "the disk of the store is full: make room, and ask again",
}
"""By the engine's number: of time (159, 160), of memory (241), of queries at once (202), of disk (243)."""
_NO_ANSWER: Final = (
    "the store did not answer: try again, and if that stays so, see whether it runs (`modelspan status`); "
    "the log of this process says more"
)


def in_plain_words(error: Exception) -> str:
    """What is the matter with the store, and what to do."""
    if isinstance(error, StoreFullError):
        return _BY_CODE[243]
    if isinstance(error, SchemaError):
        return "the store's tables are not this version's: `modelspan schema apply` upgrades older ones"
    if isinstance(error, DatabaseError) and error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if isinstance(error, OSError):
        return "the disk of this instance is full, or cannot be written or read: make room or mend it, and ask again"
    return _NO_ANSWER

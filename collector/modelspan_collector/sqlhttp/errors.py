"""Errors as ClickHouse's clients know them: a number, a name and a sentence.

The numbers are those of ClickHouse's `ErrorCodes`; clients branch on the number in the header
`X-ClickHouse-Exception-Code`, and on the text `Code: N. DB::Exception: ... (NAME)`.
"""

from __future__ import annotations

import re

_ENGINE_MESSAGE = re.compile(r"Code: (\d+)\.\s*(DB::\w*Exception): (.*)", re.DOTALL)
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?: \(version [^)]*\))?\s*$")

STATUS_BY_NAME = {
    "ACCESS_DENIED": 403,
    "BAD_ARGUMENTS": 400,
    "BAD_QUERY_PARAMETER": 400,
    "CANNOT_DECOMPRESS": 400,
    "CANNOT_READ_ALL_DATA": 400,
    "CHECKSUM_DOESNT_MATCH": 400,
    "UNKNOWN_COMPRESSION_METHOD": 400,
    "UNKNOWN_QUERY_PARAMETER": 400,
    "AUTHENTICATION_FAILED": 403,
    "CANNOT_PARSE_INPUT_ASSERTION_FAILED": 400,
    "CANNOT_PARSE_TEXT": 400,
    "INCORRECT_DATA": 400,
    "NOT_IMPLEMENTED": 501,
    "NO_FREE_CONNECTION": 503,
    "QUERY_IS_TOO_LARGE": 413,
    "READONLY": 403,
    "REQUIRED_PASSWORD": 401,
    "SYNTAX_ERROR": 400,
    "TIMEOUT_EXCEEDED": 408,
    "TOO_BIG_AST": 400,
    "TOO_DEEP_AST": 400,
    "TOO_DEEP_RECURSION": 400,
    "TOO_MANY_SIMULTANEOUS_QUERIES": 503,
    "TYPE_MISMATCH": 400,
    "UNKNOWN_DATABASE": 404,
    "UNKNOWN_FORMAT": 404,
    "UNKNOWN_FUNCTION": 404,
    "UNKNOWN_IDENTIFIER": 404,
    "UNKNOWN_SETTING": 404,
    "UNKNOWN_TABLE": 404,
    "UNKNOWN_TYPE": 404,
}
"""HTTP status by error name, as ClickHouse's own HTTP handler answers; every other error is a 500."""


class ClickHouseError(Exception):
    """One error of the engine, or of this endpoint in the engine's words."""

    def __init__(self, code: int, name: str, message: str, kind: str = "DB::Exception") -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.message = message
        self.kind = kind

    @property
    def status(self) -> int:
        """The HTTP status of an answer that has not begun."""
        return STATUS_BY_NAME.get(self.name, 500)

    @property
    def text(self) -> str:
        """The error as ClickHouse writes it into a response."""
        return f"Code: {self.code}. {self.kind}: {self.message} ({self.name})\n"


def from_engine(error: Exception) -> ClickHouseError:
    """Read the engine's message back into number, name and sentence."""
    found = _ENGINE_MESSAGE.search(str(error))
    if found is None:
        return ClickHouseError(1000, "POCO_EXCEPTION", str(error).strip() or type(error).__name__)
    message = found[3].strip()
    name = _NAME.search(message)
    if name is None:
        return ClickHouseError(int(found[1]), "UNKNOWN_EXCEPTION", message, found[2])
    return ClickHouseError(int(found[1]), name[1], message[: name.start()].rstrip(), found[2])


def readonly(message: str) -> ClickHouseError:
    """A statement or setting that a reader may not use."""
    return ClickHouseError(164, "READONLY", message)


def syntax(message: str) -> ClickHouseError:
    """A request that is not one statement."""
    return ClickHouseError(62, "SYNTAX_ERROR", message)


def bad_request(message: str) -> ClickHouseError:
    """A request whose parameters do not make sense."""
    return ClickHouseError(36, "BAD_ARGUMENTS", message)

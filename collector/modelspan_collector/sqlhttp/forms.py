"""Forms (`multipart/form-data`): long statements and bound parameters as fields, external tables as files.

External tables are ClickHouse's way to send rows along with a query: the file `ids`, described by the URL parameters
`ids_structure` (or `ids_types`) and `ids_format`, is the table `ids` for that query alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from modelspan_collector.sqlhttp import errors

MOST_PARTS = 1000
DESCRIPTION_BYTES = 2048
"""Of the form's own head, and of each part's: whoever reads them needs the square of their size in time."""
_DESCRIPTIONS = ("structure", "types", "format")


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """Rows that a client sends along with its query."""

    name: str
    structure: str
    """Its columns, as in CREATE TABLE."""
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form, taken apart."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes]


def parse(content_type: str, content: bytes) -> Form:
    """Take a form apart; bytes that are not UTF-8 become surrogates in fields, and stay as they are in files.

    Raises:
        ClickHouseError: the content is not a form.
    """
    boundary = _boundary(content_type)
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    parts = (b"\r\n" + content).split(b"\r\n--" + boundary, MOST_PARTS + 1)
    if len(parts) > MOST_PARTS + 1:
        raise errors.bad_request(f"a form may have {MOST_PARTS} parts at most")
    for part in parts[1:-1]:
        description, _, payload = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if len(description) > DESCRIPTION_BYTES:
            raise errors.bad_request(f"the head of a form's part may have {DESCRIPTION_BYTES} bytes at most")
        about = BytesHeaderParser().parsebytes(description)
        name = about.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise errors.bad_request("a part of the form has no name")
        if about.get_filename() is None:
            fields[name] = payload.decode("utf-8", "surrogateescape")
        else:
            files[name] = payload
    return Form(fields, files)


def _boundary(content_type: str) -> bytes:
    head = Message()
    head["content-type"] = content_type[:DESCRIPTION_BYTES].replace("\r", " ").replace("\n", " ")
    boundary = head.get_boundary()
    if not boundary:
        raise errors.bad_request("the form has no boundary")
    return boundary.encode("utf-8", "surrogateescape")


def external_tables(files: Mapping[str, bytes], described: Mapping[str, str]) -> tuple[ExternalTable, ...]:
    """The tables that a form's files are, by what the URL says of them.

    Raises:
        ClickHouseError: a file is not described, or its name cannot be a table's.
    """
    return tuple(_external(name, data, described) for name, data in files.items())


def _external(name: str, data: bytes, described: Mapping[str, str]) -> ExternalTable:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise errors.bad_request(f"{name!r} cannot be the name of an external table")
    structure = described.get(f"{name}_structure", "")
    if not structure:
        types = split_types(described.get(f"{name}_types", ""))
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(types, 1))
    if not structure:
        raise errors.bad_request(f"the external table {name} needs {name}_structure or {name}_types")
    return ExternalTable(name, structure, described.get(f"{name}_format", "TabSeparated"), data)


def described_by(files: Mapping[str, bytes]) -> frozenset[str]:
    """Names of the URL parameters that describe files, and are no settings."""
    return frozenset(f"{name}_{what}" for name in files for what in _DESCRIPTIONS)


def split_types(text: str) -> list[str]:
    """`String, Array(UInt8), Decimal(9, 2)` as its types."""
    types, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            types.append("")
        else:
            types[-1] += character
    return [kind.strip() for kind in types if kind.strip()]

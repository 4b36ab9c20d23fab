"""Reads an Arrow stream by what its columns are stored as, whatever extension types this process happens to know.

Arrow hands the parameters of an extension type, which anyone may have written, to whoever registered the type: pandas
does so wherever it is imported, and fails at some. So the name of an extension is hidden while a stream is opened, and
stands in its field's metadata afterwards, where `modelspan.features` reads it.
"""

from __future__ import annotations

import struct
from typing import Final

import pyarrow as pa

_NAME: Final = b"ARROW:extension:name"
_HIDDEN: Final = b"ARROW:extension:NAME"
_CONTINUES: Final = b"\xff\xff\xff\xff"
"""Begins a message, its length behind it; before Arrow 0.15 the length came at once."""
_ONE_THREAD: Final = pa.ipc.IpcReadOptions(use_threads=False)
"""Handing the small buffers of a stream to other threads costs more than to decompress them."""


def read(body: bytes) -> pa.Table:
    """Read a stream.

    Raises:
        pa.ArrowException: it is none.
    """
    begin = 4 if body.startswith(_CONTINUES) else 0
    end = begin + 4 + struct.unpack_from("<I", body, begin)[0]
    schema = body[:end]
    hidden = schema.replace(_NAME, _HIDDEN)
    if hidden == schema:
        return _read(body)
    table = _read(hidden + body[end:])
    fields = [_named(field) for field in table.schema]
    return pa.table(table.columns, pa.schema(fields, table.schema.metadata))


def _read(body: bytes) -> pa.Table:
    return pa.ipc.open_stream(body, options=_ONE_THREAD).read_all()


def _named(field: pa.Field) -> pa.Field:
    told = field.metadata or {}
    return field.with_metadata({_NAME if key == _HIDDEN else key: value for key, value in told.items()})

"""Rows of the store that a user's own SELECT gives."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from modelspan_collector.store.connect import Store

_READING: Final = ("SELECT", "WITH", "FROM")
"""How a SELECT may begin; what begins with a bracket or a comment the engine judges."""


def query_rows(store: Store, query: str) -> pa.Table:
    """What a SELECT gives; it is run as a subquery, so that nothing else can.

    Raises:
        ValueError: it begins as another statement does.
    """
    begins = query.split(maxsplit=1)[0] if query.strip() else ""
    if begins.isalpha() and begins.upper() not in _READING:
        raise ValueError(f"a baseline comes from a SELECT only, and the query begins with {begins[:20].upper()}")
    return store.arrow(f"SELECT * FROM ({query.strip().rstrip(';')})")

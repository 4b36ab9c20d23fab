"""The databases of a store that hold modelspan's tables: its own, and those that tenants have."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from modelspan_analyzer.reading.names import brief
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

_DATABASES = """
SELECT database FROM system.tables WHERE name IN ('predictions', 'labels', 'schema_migrations')
GROUP BY database HAVING count() = 3 ORDER BY database
"""
_SPREAD = """
SELECT DISTINCT database FROM system.tables
WHERE engine = 'Distributed' AND name = 'predictions' AND has({names:Array(String)}, database)
"""


def databases(store: Store) -> list[str]:
    """The names of all that the store's user can see."""
    return [str(row["database"]) for row in store.rows(_DATABASES)]


def need_single(store: Store, names: Collection[str]) -> None:
    """Refuse databases whose tables are spread over a cluster: one node can neither change nor search the others'.

    Raises:
        ValueError: one of them is.
    """
    spread = [str(row["database"]) for row in store.rows(_SPREAD, {"names": list(names)})]
    if spread:
        raise ValueError(
            f"the database {spread[0]} is spread over a cluster, on which this is not possible yet: delete by "
            "prediction and trace id with ALTER TABLE … ON CLUSTER … DELETE on its tables …_local"
        )


def chosen(store: Store, wanted: Collection[str] = ()) -> list[str]:
    """The databases asked for; all where none is.

    Raises:
        ValueError: one of them is not there.
    """
    present = databases(store)
    missing = [name for name in wanted if name not in present]
    if missing:
        raise ValueError(
            f"there is no database {brief(missing[0])!r} with modelspan's tables; there are: {', '.join(present)}"
        )
    return [name for name in present if name in wanted or not wanted]


@contextmanager
def opened(store: Store, names: Collection[str]) -> Iterator[list[Store]]:
    """The stores of several databases of one engine or server."""
    stores = [store if name == store.database else connect(store.dsn, name) for name in names]
    try:
        for each in stores:
            if each is not store:
                schema.apply(each)
        yield stores
    finally:
        for each in stores:
            if each is not store:
                each.close()

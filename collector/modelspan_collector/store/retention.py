"""How long rows are kept: a TTL per table, counted in days, changed where the schema's own does not suit."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import SchemaError
from modelspan_collector.store.quote import quote_identifier

_TTL = re.compile(r"\bTTL (?P<since>.+?) \+ (?:toIntervalDay\((?P<days>\d+)\)|INTERVAL (?P<literal>\d+) DAY)")
_TABLES_SQL = """SELECT name, engine_full FROM system.tables
WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"""


def days(store: Store) -> dict[str, int]:
    """Days that each table keeps its rows; tables that keep them for ever are left out."""
    return {name: kept for name, (_, kept) in _ttls(store).items()}


def set_days(store: Store, wanted: Mapping[str, int], cluster: str = "") -> None:
    """Change how long tables keep their rows; what is older goes with the next merges, whole parts at a time.

    Args:
        store: the store.
        wanted: days by table name.
        cluster: on a cluster, its name: the tables that hold the rows are then the `_local` ones.

    Raises:
        SchemaError: a table has no TTL, or the number of days is not positive.
    """
    ttls = _ttls(store)
    for table, number in wanted.items():
        holder = f"{table}_local" if cluster else table
        if holder not in ttls:
            raise SchemaError(f"{table!r} has no retention to change; tables that have one: {', '.join(sorted(ttls))}")
        if number < 1:
            raise SchemaError(f"retention of {table} must be 1 day or more, not {number}")
        where = f" ON CLUSTER {quote_identifier(cluster)}" if cluster else ""
        since, _ = ttls[holder]
        store.command(
            f"ALTER TABLE {quote_identifier(holder)}{where} MODIFY TTL {since} + INTERVAL {int(number)} DAY "
            "SETTINGS materialize_ttl_after_modify = 0"
        )


def _ttls(store: Store) -> dict[str, tuple[str, int]]:
    """By table: since when rows count, as SQL, and the days."""
    found = {row["name"]: _TTL.search(row["engine_full"]) for row in store.rows(_TABLES_SQL)}
    return {name: (ttl["since"], int(ttl["days"] or ttl["literal"])) for name, ttl in found.items() if ttl}

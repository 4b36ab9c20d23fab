"""A query that fails midway leaves nothing in the answer of the next one, however either is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan_collector.store.connect import Store

FAILING = {
    "an error": "SELECT number, toString(number) AS t, throwIf(number = 3000000) FROM numbers(10000000)",
    "its time": "SELECT number, toString(number) AS t FROM numbers(300000000) SETTINGS max_execution_time = 0.3",
}
WAYS: dict[str, Callable[[Store, str], object]] = {
    "arrow": lambda store, sql: store.arrow(sql),
    "rows": lambda store, sql: store.rows(sql),
    "scalar": lambda store, sql: store.scalar(sql),
    "command": lambda store, sql: store.command(sql),
    "blocks": lambda store, sql: list(store.blocks(sql)),
}
NEXT = "SELECT number AS n, concat('row ', toString(number)) AS t FROM numbers(3) ORDER BY n"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("why", FAILING)
def test_a_query_that_fails_midway_leaves_nothing_to_the_next(store: Store, why: str, way: str) -> None:
    """The embedded engine put the beginning of the one before the answer of the other."""
    for ask in (lambda: store.arrow(NEXT).to_pylist(), lambda: store.rows(NEXT)):
        with pytest.raises(DriverError):
            WAYS[way](store, FAILING[why])
        assert ask() == [{"n": row, "t": f"row {row}"} for row in range(3)]

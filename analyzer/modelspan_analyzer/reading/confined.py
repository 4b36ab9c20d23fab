"""A store of which only the models of some projects can be read, whatever is asked: the engine adds the condition.

Every table whose rows name a model is cut by it, through views, joins and subqueries. What is kept of rows without a
model is cut by what leads to them; a table that is not named here, and has no column `model`, is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from clickhouse_connect.driver.exceptions import Error as DriverError

from modelspan.conventions import MODEL_NAME
from modelspan_analyzer.reading.names import UnknownNameError, brief, named
from modelspan_analyzer.reading.projects import projects_of
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import StoreUnavailableError
from modelspan_collector.store.quote import quote_string

_TABLES: Final = """
SELECT t.name AS name, t.engine AS engine, countIf(c.name = 'model') > 0 AS named
FROM system.tables AS t LEFT JOIN system.columns AS c ON c.database = t.database AND c.table = t.name
WHERE t.database = currentDatabase() AND NOT endsWith(t.engine, 'View') GROUP BY name, engine ORDER BY name
"""
_PROBE: Final = "SELECT count() FROM schema_migrations"
"""Of a table that is never empty, and of which nothing may be seen."""
_OF_INCIDENTS: Final = "incident_id IN (SELECT incident_id FROM incidents)"
_WITHOUT_MODEL: Final[Mapping[str, str]] = {
    "incident_events": _OF_INCIDENTS,
    "incident_feedback": _OF_INCIDENTS,
    # A trace is looked at by its id, which comes of a prediction that may be seen: by others' services too, but not by
    # what others' models were given.
    "otel_traces": "SpanAttributes[{attribute}] IN ('', {models})",
    "otel_traces_trace_id_ts": "1",
    "otel_logs": "TraceId != ''",
    # Load of the services that answered for a model, by their names.
    "otel_metrics_gauge": "1",
    "otel_metrics_sum": "1",
}
"""Tables without a column `model` of which something is to be seen."""
_JOINED: Final = frozenset({"labels"})
"""Rows that are read beside predictions alone, by their ids; many name no model."""


class CannotConfineError(Exception):
    """A store that cannot be cut for projects; the message says why, for who asked."""


class Confined(Store):
    """A database of which nothing but some models is read."""

    def __init__(self, store: Store, projects: frozenset[str], models: frozenset[str], only: Mapping[str, str]) -> None:
        """Describe it; `confined` makes one.

        Args:
            store: the same database, whole.
            projects: as the token names them.
            models: which are of these projects.
            only: the condition by table.
        """
        super().__init__(store.dsn, store.database, only=only)
        self.uncut = store
        self.projects = projects
        self.models = models


def models_of(store: Store, projects: Collection[str]) -> frozenset[str]:
    """The models that are part of some projects now."""
    return frozenset(model for model, project in projects_of(store).items() if project in projects)


def confined(store: Store, projects: frozenset[str], models: frozenset[str]) -> Confined:
    """The store, cut for the models of some projects.

    Raises:
        CannotConfineError: its tables are spread over a cluster, or the server does not let the condition be set.
    """
    tables = store.rows(_TABLES)
    if any(row["engine"] == "Distributed" for row in tables):
        raise CannotConfineError("a store that is spread over a cluster cannot be cut for projects: take another token")
    conditions = {row["name"]: _condition(row["name"], models, named_there=row["named"]) for row in tables}
    own = Confined(store, projects, models, conditions)
    try:
        cut = own.scalar(_PROBE) == 0
    except (StoreUnavailableError, DriverError):
        store.scalar(_PROBE)  # a store that is away says so itself
        cut = False
    if not cut:
        raise CannotConfineError(
            "the server does not let this user set `additional_table_filters`, by which it would be cut for projects"
        )
    return own


def whole(store: Store) -> Store:
    """The store with all that is in it, for what is written down of everybody."""
    return store.uncut if isinstance(store, Confined) else store


def need_own(store: Store, model: str) -> None:
    """Refuse to write of a model that may not be read, as one that does not exist; '' is no model that is named.

    Raises:
        UnknownNameError: the store is confined to other models.
    """
    if isinstance(store, Confined) and model and model not in store.models:
        there = named(model, sorted(store.models), "model")
        raise UnknownNameError(f"there is no model {brief(model)!r} in this store; it has {there}")


def _condition(table: str, models: frozenset[str], *, named_there: bool) -> str:
    listed = ", ".join(map(quote_string, sorted(models)))
    if table in _JOINED:
        return "1"
    if named_there:
        return f"model IN ({listed})" if models else "0"
    told = _WITHOUT_MODEL.get(table, "0")
    return told.format(attribute=quote_string(MODEL_NAME), models=listed or "''")

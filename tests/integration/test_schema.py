"""The schema applies to an empty store, and again to a full one."""

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store


def test_schema_is_idempotent(store: Store) -> None:
    """Applying the schema twice changes nothing."""
    schema.apply(store)
    tables = {row["name"] for row in store.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    assert {"predictions", "labels", "models", "baselines", "monitor_results", "monitor_runs"} <= tables

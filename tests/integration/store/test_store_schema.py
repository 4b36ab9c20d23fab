"""The schema on a store: versions, upgrades, clusters, retention."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from modelspan_collector.store import cluster, retention, schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.errors import SchemaError

VERSIONS = sorted((Path(__file__).parent / "versions").glob("*.sql"))


@pytest.fixture
def empty(engine_dsn: str) -> Store:
    """A database without a table."""
    opened = connect(engine_dsn, "upgraded")
    yield opened
    opened.command("DROP DATABASE upgraded")
    opened.close()


def test_fresh_store_is_marked_with_the_newest_version(store: Store) -> None:
    """A new database has every migration's outcome already, and says so."""
    assert schema.version(store) == schema.newest()


def test_two_that_make_a_database_at_once_both_have_it_whole(engine_dsn: str, empty: Store, store: Store) -> None:
    """As a tenant's first request and its monitors do: what the other one has half made is no older release."""
    other, failed = connect(engine_dsn, empty.database), list[BaseException]()

    def make() -> None:
        try:
            schema.apply(other)
        except Exception as error:
            failed.append(error)

    making = threading.Thread(target=make)
    making.start()
    while making.is_alive() and "predictions" not in _tables(empty):
        pass
    schema.apply(empty)
    making.join()
    other.close()
    assert not failed
    assert _tables(empty) == _tables(store)
    assert schema.version(empty) == schema.newest()


def _tables(store: Store) -> set[str]:
    return {row["name"] for row in store.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}


def test_upgrade_changes_an_older_store_and_keeps_its_rows(empty: Store, tmp_path: Path) -> None:
    """A database of the first release gets the steps that it lacks, in order, once, and keeps its rows."""
    for statement in schema.split((Path(schema.__file__).parent / "schema" / "010_predictions.sql").read_text()):
        empty.command(statement)
    empty.command("ALTER TABLE predictions DROP COLUMN tags")
    empty.command("INSERT INTO predictions (model, prediction_id) VALUES ('churn', 'a'), ('churn', 'b')")
    assert schema.version(empty) == 1
    (tmp_path / "0002_tags.sql").write_text(
        "-- Tags came later.\nALTER TABLE predictions\n"
        "ADD COLUMN IF NOT EXISTS tags Map(LowCardinality(String), String);\n"
    )
    (tmp_path / "0003_rename.sql").write_text(
        "ALTER TABLE predictions ADD COLUMN IF NOT EXISTS note String DEFAULT concat('of ', model);\n"
    )
    steps = schema.migrations(tmp_path)
    schema.apply(empty, steps)
    schema.apply(empty, steps)
    assert schema.version(empty) == 3
    applied = empty.rows("SELECT version, name FROM schema_migrations ORDER BY version")
    assert applied == [{"version": 2, "name": "tags"}, {"version": 3, "name": "rename"}]
    assert empty.rows("SELECT prediction_id, tags, note FROM predictions ORDER BY prediction_id") == [
        {"prediction_id": "a", "tags": {}, "note": "of churn"},
        {"prediction_id": "b", "tags": {}, "note": "of churn"},
    ]


def test_interrupted_upgrade_is_taken_up_again(empty: Store, tmp_path: Path) -> None:
    """A step that failed half-way is not marked, and runs again."""
    schema.apply(empty)
    at = schema.version(empty)
    broken, fine = tmp_path / "broken", tmp_path / "fine"
    for folder, last in ((broken, "ALTER TABLE nowhere ADD COLUMN x String"), (fine, "SELECT 1")):
        folder.mkdir()
        (folder / f"{at + 1:04}_both.sql").write_text(
            f"ALTER TABLE models ADD COLUMN IF NOT EXISTS tier String;\n{last};\n"
        )
    with pytest.raises(DatabaseError, match="nowhere"):
        schema.apply(empty, schema.migrations(broken))
    assert schema.version(empty) == at
    schema.apply(empty, schema.migrations(fine))
    assert schema.version(empty) == at + 1


@pytest.mark.parametrize("snapshot", VERSIONS, ids=lambda path: path.stem)
def test_every_released_version_upgrades_to_this_one(empty: Store, store: Store, snapshot: Path) -> None:
    """The tables and views of each release, upgraded, are those of a fresh database, to the last expression.

    A table's or view's definition that changes without a migration fails here: an older store would keep the old one.
    """
    for statement in schema.split(snapshot.read_text()):
        empty.command(statement)
    schema.apply(empty)
    upgraded, fresh = _definitions(empty), _definitions(store)
    assert upgraded.keys() == fresh.keys()
    assert [name for name in fresh if upgraded[name] != fresh[name]] == [], "write a migration for these"


def _definitions(store: Store) -> dict[str, str]:
    """What each table and view is made by, without the database's name."""
    found = store.rows("SELECT name, create_table_query AS made FROM system.tables WHERE database = currentDatabase()")
    return {row["name"]: re.sub(rf"`?{store.database}`?\.", "", row["made"]) for row in found}


@pytest.mark.parametrize("snapshot", VERSIONS, ids=lambda path: path.stem)
def test_rows_of_every_released_version_stay_and_new_ones_join_them(empty: Store, snapshot: Path) -> None:
    """Predictions, labels and spans from before are there after the upgrade, and those that come count beside them."""
    for statement in schema.split(snapshot.read_text()):
        empty.command(statement)

    def send(number: int) -> None:
        empty.command(
            "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) SELECT toDateTime64("
            "'2026-03-02 08:00:00', 9, 'UTC'), 'aa', {id:String}, map('modelspan.model.name', 'churn',"
            " 'modelspan.feature.age', '39', 'modelspan.feature.plan', 'pro', 'modelspan.prediction.value', '0.5')",
            {"id": f"span-{number}"},
        )
        empty.command(
            "INSERT INTO labels (prediction_id, model, timestamp, label) VALUES ({id:String}, 'churn', now64(9), '1')",
            {"id": f"span-{number}"},
        )

    send(1)
    empty.command("INSERT INTO models (model, version, timestamp, owner) VALUES ('churn', '1', now64(9), 'before')")
    schema.apply(empty)
    send(2)
    joined = (
        "SELECT count() FROM predictions INNER JOIN (SELECT prediction_id FROM labels FINAL) AS l USING prediction_id"
    )
    assert empty.scalar(joined) == empty.scalar("SELECT count() FROM otel_traces") == 2
    sketched = "SELECT sum(rows) AS n, sum(total) AS total FROM {} WHERE feature = 'age' AND kind = 'numeric'"
    for table in ("feature_profiles", "feature_profile_days"):
        assert empty.rows(sketched.format(table)) == [{"n": 2, "total": 78.0}]
    empty.command("INSERT INTO labels (prediction_id, outcome, value) VALUES ('span-1', 'revenue', 7)")
    empty.command("OPTIMIZE TABLE labels FINAL")
    assert empty.rows("SELECT prediction_id, outcome, value, label FROM labels ORDER BY ALL") == [
        {"prediction_id": "span-1", "outcome": "", "value": None, "label": "1"},
        {"prediction_id": "span-1", "outcome": "revenue", "value": 7.0, "label": ""},
        {"prediction_id": "span-2", "outcome": "", "value": None, "label": "1"},
    ]
    empty.command("DELETE FROM labels WHERE outcome != ''")
    for table in ("labels", "models"):
        empty.command(f"INSERT INTO {table} SELECT * REPLACE ('acme' AS tenant) FROM {table} FINAL")
        empty.command(f"OPTIMIZE TABLE {table} FINAL")
    kept = empty.rows("SELECT prediction_id, tenant FROM labels FINAL ORDER BY ALL")
    assert [tuple(row.values()) for row in kept] == [(f"span-{n}", whose) for n in (1, 2) for whose in ("", "acme")]
    assert empty.rows("SELECT tenant, owner FROM models FINAL ORDER BY tenant") == [
        {"tenant": "", "owner": "before"}, {"tenant": "acme", "owner": "before"}
    ]  # fmt: skip


def test_newer_store_is_refused(empty: Store, tmp_path: Path) -> None:
    """A database from the future is not touched, and the message says what to do."""
    future = schema.migrations()[-1].version + 1
    (tmp_path / f"{future:04}_future.sql").write_text("SELECT 1;\n")
    schema.apply(empty, schema.migrations(tmp_path))
    with pytest.raises(SchemaError, match=rf"schema version {future}.*upgrade\s+modelspan"):
        schema.apply(empty)


def test_migrations_need_a_number_of_their_own(tmp_path: Path) -> None:
    """A file without a number, or with one taken, is an error and not a surprise."""
    (tmp_path / "0002_a.sql").write_text("SELECT 1;\n")
    (tmp_path / "0002_b.sql").write_text("SELECT 1;\n")
    with pytest.raises(SchemaError, match="0002_b"):
        schema.migrations(tmp_path)


@pytest.mark.parametrize("replicated", [True, False])
def test_cluster_ddl_is_what_the_engine_parses(empty: Store, replicated: bool) -> None:
    """The engine's own parser takes every statement and reads the same cluster, tables and engines from it."""
    single = [statement for _, statement in schema.statements()]
    rewritten = cluster.statements(cluster.Cluster("my-cluster", replicated=replicated), "modelspan")
    formatted = [empty.scalar("SELECT formatQuerySingleLine({ddl:String})", {"ddl": ddl}) for ddl in rewritten]
    assert all("ON CLUSTER `my-cluster`" in ddl for ddl in formatted)
    stored = [ddl for ddl in formatted if "MergeTree" in ddl]
    assert len(stored) == sum("MergeTree" in ddl for ddl in single)
    assert all(("ENGINE = Replicated" in ddl) is replicated for ddl in stored)
    joined = "\n".join(formatted)
    assert "Distributed('my-cluster', 'modelspan', predictions_local, cityHash64(prediction_id))" in joined
    assert "Distributed('my-cluster', 'modelspan', labels_local, cityHash64(prediction_id))" in joined
    if replicated:
        path = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
        assert f"ReplicatedReplacingMergeTree({path}, `timestamp`)" in joined.replace(" timestamp)", " `timestamp`)")
        assert "non_replicated_deduplication_window" not in joined


def test_cluster_views_route_rows_to_their_shard() -> None:
    """Ingest tables feed the distributed ones; sketches of stored rows stay where the rows are."""
    rewritten = cluster.statements(cluster.Cluster("c"), "modelspan")
    views = {ddl.split("EXISTS ")[1].split()[0]: " ".join(ddl.split()) for ddl in rewritten if "MATERIALIZED" in ddl}
    assert "TO otel_traces " in views["otel_traces_from_otlp"]
    assert "TO predictions " in views["predictions_from_spans"]
    assert "FROM otel_traces_local" in views["predictions_from_spans"]
    sketches = [ddl for name, ddl in views.items() if name.startswith("feature_profiles")]
    assert sketches
    assert all("TO feature_profiles_local" in ddl and "FROM unsketched_predictions" in ddl for ddl in sketches)
    assert "FROM predictions_local" in views["unsketched_from_predictions"]


def test_retention_can_be_changed_table_by_table(store: Store) -> None:
    """Days are read back as they were set; what has no retention says so."""
    assert retention.days(store)["otel_traces"] == 30
    retention.set_days(store, {"otel_traces": 7, "predictions": 400})
    kept = retention.days(store)
    assert (kept["otel_traces"], kept["predictions"], kept["otel_logs"]) == (7, 400, 30)
    schema.apply(store)
    assert retention.days(store)["otel_traces"] == 7
    with pytest.raises(SchemaError, match="no retention to change"):
        retention.set_days(store, {"models": 7})
    with pytest.raises(SchemaError, match="1 day or more"):
        retention.set_days(store, {"otel_traces": 0})

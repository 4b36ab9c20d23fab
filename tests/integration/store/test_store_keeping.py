"""House-keeping, views and backups on a store with rows."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from support import eventually

from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store import backup, housekeeping, schema, views
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.errors import StoreError

ROWS = """INSERT INTO predictions (model, version, timestamp, prediction_id, value, label, numeric_features,
    categorical_features, null_features)
SELECT 'churn-2', '1', toDateTime64('2026-01-05', 9, 'UTC') + toIntervalHour(number), toString(number), number / 1000,
    if(number % 2, 'stay', 'leave'),
    if(number % 10, map('age', toFloat64(20 + number % 50), 'label', 1.), map('label', 1.)),
    map('country', ['DE', 'FR'][1 + number % 2], 'it''s `odd`', 'x'), if(number % 10, [], ['age'])
FROM numbers(1000)"""


@pytest.fixture(scope="module")
def filled(engine_dsn: str) -> Iterator[Store]:
    """A thousand predictions over six weeks, for tests that leave them as they are."""
    opened = connect(engine_dsn, "kept")
    schema.apply(opened)
    opened.command(ROWS)
    yield opened
    opened.command("DROP DATABASE kept")
    opened.close()


@pytest.fixture
def other(engine_dsn: str) -> Iterator[Store]:
    """An empty database to restore into."""
    opened = connect(engine_dsn, "restored")
    yield opened
    opened.command("DROP DATABASE restored")
    opened.close()


def test_view_has_one_typed_column_a_feature(filled: Store) -> None:
    """An analyst writes `SELECT avg(age) FROM churn_2`; a missing value is NULL and not 0."""
    view = views.plan(filled, "churn-2")
    assert (view.name, view.features) == ("churn_2", ("age", "country", "it's `odd`", "label"))
    filled.command(view.statement)
    row = filled.rows(
        "SELECT avg(age) AS mean, count(age) AS present, countIf(country = 'DE') AS de, any(`it's ``odd```) AS odd, "
        "any(feature_label) AS renamed, count() AS n FROM churn_2"
    )[0]
    exact = filled.scalar(
        "SELECT avg(numeric_features['age']) FROM predictions WHERE mapContains(numeric_features, 'age')"
    )
    assert row == {"mean": exact, "present": 900, "de": 500, "odd": "x", "renamed": 1.0, "n": 1000}
    types = filled.rows(
        "SELECT name, type FROM system.columns WHERE table = 'churn_2' AND database = currentDatabase()"
    )
    assert {"name": "age", "type": "Nullable(Float64)"} in types
    filled.command(views.plan(filled, "churn-2").statement)
    assert views.models(filled) == ["churn-2"]
    filled.command("DROP VIEW churn_2")


def test_view_refuses_unknown_models_and_taken_names(filled: Store) -> None:
    """A model called like a table needs a prefix."""
    with pytest.raises(ValueError, match="no predictions"):
        views.plan(filled, "nobody")
    filled.command("CREATE TABLE churn_2 (a Int8) ENGINE = Memory")
    with pytest.raises(ValueError, match="prefix"):
        views.plan(filled, "churn-2")
    assert views.plan(filled, "churn-2", prefix="model_").name == "model_churn_2"
    filled.command("DROP TABLE churn_2")


def test_budget_drops_the_oldest_partitions_first(store: Store) -> None:
    """The newest rows stay, what went is reported row for row, and labels are never touched."""
    store.command(ROWS)
    store.command(
        "INSERT INTO labels (prediction_id, model, timestamp) SELECT toString(number), 'churn-2', now() FROM numbers(5)"
    )
    partitions = [
        row["partition_id"]
        for row in store.rows(
            "SELECT partition_id FROM system.parts WHERE database = currentDatabase() AND table = 'predictions' "
            "AND active ORDER BY min_block_number"
        )
    ]
    dropped = housekeeping.keep_budget(store, housekeeping.stored_bytes(store) - 1)
    assert dropped
    assert [gone.partition_id for gone in dropped] == partitions[: len(dropped)]
    left = 1000 - sum(gone.rows for gone in dropped)
    assert store.scalar("SELECT count() FROM predictions") == left
    keeper = housekeeping.HouseKeeper(store, budget_bytes=1)
    keeper.round()
    assert keeper.tally.rows_dropped == left
    assert keeper.tally.failures == 0
    assert store.scalar("SELECT count() FROM predictions") == 0
    assert store.scalar("SELECT count() FROM labels") == 5


def test_small_parts_are_merged_once_quiet(other: Store) -> None:
    """Many little inserts end up in one part; a partition that is still written to is left alone."""
    other.command("CREATE TABLE little (a UInt32) ENGINE = MergeTree ORDER BY a")
    for number in range(2):
        other.command(f"INSERT INTO little VALUES ({number})")
    parts = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'little' AND active"
    assert other.scalar(parts) == 2
    assert housekeeping.merge_small_parts(other, parts=1, quiet_seconds=3600) == 0
    # the engine's clock, in seconds, has to move on
    assert eventually(lambda: housekeeping.merge_small_parts(other, parts=1, quiet_seconds=0)) >= 1
    assert other.scalar(parts) == 1


def _fingerprint(store: Store) -> dict[str, tuple[int, int]]:
    """Rows and a hash of them by table, of what is stored rather than fed."""
    tables = store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' "
        "AND name != 'schema_migrations'"
    )
    return {
        row["name"]: tuple(
            store.rows(f"SELECT count() AS n, groupBitXor(cityHash64(*)) AS h FROM `{row['name']}`")[0].values()
        )
        for row in tables
    }


def test_backup_round_trip_is_exact(filled: Store, other: Store, tmp_path: Path) -> None:
    """Every row of every table comes back, sketches included, and nothing is counted twice by a view."""
    folder = tmp_path / "backup"
    manifest = backup.backup(filled, folder)
    assert backup.read_manifest(folder) == manifest
    backup.restore(other, folder)
    assert _fingerprint(other) == _fingerprint(filled)
    assert other.scalar("SELECT count() FROM feature_profiles") > 0
    engines = (
        "SELECT groupArray(name) FROM (SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name)"
    )
    assert other.scalar(engines) == filled.scalar(engines)
    with pytest.raises(StoreError, match="already has rows"):
        backup.restore(other, folder)
    with pytest.raises(StoreError, match="exists already"):
        backup.backup(filled, folder)


def test_a_backup_that_cannot_be_written_says_why_and_leaves_nothing(filled: Store, tmp_path: Path) -> None:
    """The reason is a sentence with the folder, no number of an error; what another one left is not overwritten."""
    (tmp_path / "file").write_text("")
    for folder in (Path("/proc/backup"), tmp_path / "file" / "backup"):
        with pytest.raises(StoreError, match=f"no folder can be made at '{folder}' for the backup: [A-Z]"):
            backup.backup(filled, folder)
    (tmp_path / "other.partial").mkdir()
    with pytest.raises(StoreError, match="another backup is under way, or one was ended before it was whole"):
        backup.backup(filled, tmp_path / "other")
    (tmp_path / "other.partial").rmdir()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_backup_that_fills_the_disk_leaves_nothing(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one can be made under the same name, and the disk has its room back."""

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(backup, "_digest", full)
        with pytest.raises(StoreError, match=r"cannot be written to .*: No space left on device"):
            backup.backup(filled, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []
    assert backup.backup(filled, tmp_path / "backup").rows


def test_backup_of_a_running_instance_goes_through_its_sql_endpoint(
    filled: Store, other: Store, tmp_path: Path
) -> None:
    """The process that owns the store serves the backup, read-only; a writable endpoint takes it back."""
    reader, writer = SqlServer(filled, port=0), SqlServer(other, port=0, writable=True)
    reader.start()
    writer.start()
    try:
        source = Store(f"clickhouse://127.0.0.1:{reader.port}", filled.database)
        target = Store(f"clickhouse://127.0.0.1:{writer.port}", other.database)
        backup.backup(source, tmp_path / "backup")
        backup.restore(target, tmp_path / "backup")
        source.close()
        target.close()
    finally:
        reader.stop()
        writer.stop()
    assert _fingerprint(other) == _fingerprint(filled)


def test_damaged_backup_is_refused_whole(filled: Store, other: Store, tmp_path: Path) -> None:
    """A flipped bit, a missing file, a strange manifest: nothing is restored."""
    folder = tmp_path / "backup"
    manifest = backup.backup(filled, folder)
    file = folder / manifest.files[0].name
    intact = file.read_bytes()
    file.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
    with pytest.raises(StoreError, match="damaged"):
        backup.restore(other, folder)
    file.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        backup.restore(other, folder)
    assert other.scalar("SELECT count() FROM system.tables WHERE database = currentDatabase()") == 0
    (folder / backup.MANIFEST).write_text(json.dumps({"files": []}))
    with pytest.raises(StoreError, match="is not a backup"):
        backup.restore(other, folder)


def test_backup_of_an_older_schema_fits_the_newer(filled: Store, other: Store, tmp_path: Path) -> None:
    """A column that came since takes its default."""
    backup.backup(filled, tmp_path / "backup")
    schema.apply(other)
    other.command("ALTER TABLE predictions ADD COLUMN later String DEFAULT 'new'")
    backup.restore(other, tmp_path / "backup")
    assert other.rows("SELECT count() AS n, any(later) AS later FROM predictions") == [{"n": 1000, "later": "new"}]


FORGED = {
    "a file beside the folder": {"name": "../outside.all.native.zst"},
    "an absolute path": {"name": "/etc/passwd"},
    "a partition that is a path": {"name": "labels.../x.native.zst", "partition_id": "../x"},
    "a table that is a function": {"table": "FUNCTION file('stolen.csv', 'CSV', 'a UInt8')"},
    "a table that is a statement": {"table": "labels SELECT 1 --"},
    "a table of another database": {"table": "system.numbers"},
    "no text": {"table": 7},
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_backup_reads_and_writes_nothing_else(kind: str, other: Store, tmp_path: Path) -> None:
    """What a manifest names is read, and goes where it says: it is believed only what a backup writes."""
    empty = zstandard.compress(b"")
    for place in (tmp_path / "outside.all.native.zst", tmp_path / "backup" / "labels.all.native.zst"):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(empty)
    file = {"name": "labels.all.native.zst", "table": "labels", "partition_id": "all", "rows": 1}
    forged = {**file, "sha256": hashlib.sha256(empty).hexdigest(), **FORGED[kind]}
    manifest = {"schema_version": 1, "database": "modelspan", "files": [forged]}
    (tmp_path / "backup" / backup.MANIFEST).write_text(json.dumps(manifest))

    with pytest.raises(StoreError, match="is not a backup"):
        backup.restore(other, tmp_path / "backup")


def test_merged_parts_go_sooner_from_tables_that_collect_them(other: Store) -> None:
    """Small inserts, one after another, leave many times their bytes in merged parts and files; other tables stay."""
    schema.apply(other)
    for number in range(housekeeping.FEW_MERGED + 2):
        other.command(f"INSERT INTO audit_log (action) VALUES ('{number}')")
    other.command("OPTIMIZE TABLE audit_log FINAL")
    assert housekeeping.shorten_waits(other) == ["audit_log"]
    told = "SELECT position(engine_full, 'old_parts_lifetime = 60') > 0 FROM system.tables WHERE name = 'audit_log'"
    assert other.scalar(f"{told} AND database = currentDatabase()")
    assert housekeeping.shorten_waits(other) == []


def test_nobody_else_may_read_a_backup(filled: Store, tmp_path: Path) -> None:
    """It holds what the store holds, and so it is for its owner alone."""
    backup.backup(filled, tmp_path / "made")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700

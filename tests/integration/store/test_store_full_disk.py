"""A full disk costs no table: changes wait for room, and a definition that was lost is put back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelspan_collector.store import definitions, schema
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import StoreFullError, StoreUnavailableError

CHILD = """
import sys
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect
store = connect(f"chdb://{sys.argv[1]}")
if sys.argv[2] == "make":
    schema.apply(store)
    store.command("INSERT INTO audit_log (action) VALUES ('kept')")
    store.command("CREATE TABLE forgetting_a (name String) ENGINE = MergeTree ORDER BY name")
    store.command("INSERT INTO forgetting_a VALUES ('somebody')")
    store.command("CREATE TABLE own (a UInt8) ENGINE = MergeTree ORDER BY a")
    store.command("INSERT INTO own VALUES (1)")
else:
    schema.apply(store)
    print(store.scalar("SELECT any(action) FROM audit_log"), store.scalar("EXISTS forgetting_a"))
"""


def test_a_definition_that_a_full_disk_emptied_is_put_back(tmp_path: Path) -> None:
    """The engine would not open the store again: a table of ours has its rows, what an erasure needed is gone with its
    rows, and of a table that nobody kept a copy of it is said which.
    """
    folder = tmp_path / "store"

    def run(what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CHILD, str(folder), what]
        return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)

    made = run("make")
    assert made.returncode == 0, made.stderr
    tables = folder / "metadata" / "modelspan"
    for table in ("audit_log", "forgetting_a"):
        (tables / f"{table}.sql").write_bytes(b"")
    mended = run("open")
    assert mended.stdout.split() == ["kept", "0"], mended.stderr
    assert not list(folder.rglob("forgetting_a*"))
    (tables / "own.sql").write_bytes(b"")
    (folder / definitions._KEPT / "modelspan" / "own.sql").unlink()
    with pytest.raises(StoreUnavailableError, match="own is empty"):
        definitions.mend(folder)


def test_nothing_that_writes_a_definition_begins_without_room(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused with what to do, and changes nothing; rows are still read, written and, to make room, dropped."""
    monkeypatch.setattr(definitions, "ROOM_BYTES", 1 << 62)
    for sql in (
        "ALTER TABLE audit_log MODIFY SETTING old_parts_lifetime = 1",
        "-- a comment\n  alter table audit_log ADD COLUMN x String",
        "ALTER TABLE audit_log DELETE WHERE 1",
        "CREATE TABLE more (a UInt8) ENGINE = MergeTree ORDER BY a",
        "RENAME TABLE audit_log TO other_log",
    ):
        with pytest.raises(StoreFullError, match="make room"):
            store.command(sql)
    schema.apply(store)  # an instance still starts: there is nothing to change
    store.command("INSERT INTO audit_log (action) VALUES ('x')")
    assert store.scalar("SELECT count() FROM audit_log") == 1
    store.command("ALTER TABLE audit_log DROP PARTITION ID 'all'")
    assert store.scalar("SELECT count() FROM audit_log") == 0

"""Backup and restore: a folder of zstd-compressed Native files, one a table and partition, and a manifest.

It is read with plain SELECTs, so the same backup comes from a server, from a data folder, and from a running instance
through its read-only SQL endpoint; and it goes back into any of them, an older one's into a newer schema too. A server
or cluster of some size has ClickHouse's own BACKUP, which is faster.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zstandard

from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import FolderError, SchemaError, StoreError
from modelspan_collector.store.quote import quote_identifier

MANIFEST = "manifest.json"
CHUNK_BYTES = 1024**2
_PARTITION = re.compile(r"[A-Za-z0-9-]+")
"""What ClickHouse calls a partition: no part of a path."""
_PARTITIONS_SQL = """SELECT table, partition_id, sum(rows) AS rows FROM system.parts
WHERE database = currentDatabase() AND active AND table != 'schema_migrations' AND table NOT LIKE '.inner%'
  AND NOT startsWith(table, 'forgetting_')
GROUP BY table, partition_id
ORDER BY table, partition_id"""


@dataclass(frozen=True, slots=True)
class File:
    """One partition of one table."""

    name: str
    table: str
    partition_id: str
    rows: int
    """Rows when the backup began; rows that came since may be in the file too."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    schema_version: int
    database: str
    files: tuple[File, ...]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(file.rows for file in self.files)


def backup(store: Store, folder: Path) -> Manifest:
    """Write every row of the store's database into a new folder, which appears once it is whole.

    Raises:
        StoreError: the folder exists already, or cannot be written; nothing of it is left then.
    """
    if folder.exists():
        raise FolderError(f"{str(folder)!r} exists already: name a new folder for the backup")
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        partial.mkdir(parents=True, mode=0o700)
    except FileExistsError as error:
        words = "exists: another backup is under way, or one was ended before it was whole; remove it then"
        raise FolderError(f"{str(partial)!r} {words}") from error
    except OSError as error:
        raise FolderError(f"no folder can be made at {str(folder)!r} for the backup: {error.strerror}") from error
    try:
        return _fill(store, partial, folder)
    except OSError as error:
        raise StoreError(f"the backup cannot be written to {str(folder)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(store: Store, partial: Path, folder: Path) -> Manifest:
    """Every file, the manifest, and then the name."""
    files = tuple(
        _write(store, partial, row["table"], row["partition_id"], int(row["rows"]))
        for row in store.rows(_PARTITIONS_SQL)
    )
    manifest = Manifest(schema.version(store), store.database, files)
    (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2))
    partial.rename(folder)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """What the backup in a folder holds.

    Raises:
        StoreError: it is not a backup.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text())
        files = tuple(File(**file) for file in found["files"])
        for file in files:
            _check(file)
        return Manifest(int(found["schema_version"]), str(found["database"]), files)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{str(folder)!r} is not a backup: its {MANIFEST} cannot be read ({error})") from error


def _check(file: File) -> None:
    """Believe a manifest only what `backup` writes, as it names what is read and where it goes.

    Raises:
        ValueError: the table is no plain name, or the file is not one of the folder.
    """
    quote_identifier(file.table)
    if file.name != _name(file.table, file.partition_id) or not _PARTITION.fullmatch(file.partition_id):
        raise ValueError(f"{file.name!r} is not what a backup calls a file of {file.table}")


def restore(store: Store, folder: Path) -> Manifest:
    """Put a backup's rows into the store's database, which must hold none yet.

    Raises:
        StoreError: the folder is no backup, a file is damaged, or the database has rows.
        SchemaError: the backup is of a newer schema.
    """
    manifest = read_manifest(folder)
    if manifest.schema_version > schema.newest():
        raise SchemaError(
            f"the backup has schema version {manifest.schema_version}, and this modelspan knows {schema.newest()}: "
            "upgrade modelspan first"
        )
    for file in manifest.files:
        if _digest(folder / file.name) != file.sha256:
            raise StoreError(f"{file.name} of the backup is damaged: its checksum is not the one in {MANIFEST}")
    _check_empty(store, manifest)
    schema.apply(store)
    _drop_materialized_views(store)  # the rows that they made are in the backup themselves
    for file in manifest.files:
        body = _read(folder / file.name)
        store.insert_bytes(quote_identifier(file.table), body, "Native", settings={"insert_deduplicate": "0"})
    schema.apply(store)
    return manifest


def _write(store: Store, folder: Path, table: str, partition_id: str, rows: int) -> File:
    name = _name(table, partition_id)
    sql = f"SELECT * FROM {quote_identifier(table)} WHERE _partition_id = {{partition:String}}"
    source: Any = store.client().raw_stream(sql, parameters={"partition": partition_id}, fmt="Native")
    compressor = zstandard.ZstdCompressor(level=3, threads=-1)
    with (folder / name).open("wb") as file, compressor.stream_writer(file) as packed, closing(source):
        while chunk := source.read(CHUNK_BYTES):
            packed.write(chunk)
    return File(name, table, partition_id, rows, _digest(folder / name))


def _name(table: str, partition_id: str) -> str:
    return f"{table}.{partition_id}.native.zst"


def _read(path: Path) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        yield from zstandard.ZstdDecompressor().read_to_iter(file, read_size=CHUNK_BYTES)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                found.update(chunk)
    except OSError as error:
        raise StoreError(f"a file of the backup cannot be read: {error}") from error
    return found.hexdigest()


def _check_empty(store: Store, manifest: Manifest) -> None:
    held = store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0 "
        "AND has({tables:Array(String)}, name)",
        {"tables": sorted({file.table for file in manifest.files})},
    )
    if held:
        names = ", ".join(row["name"] for row in held)
        raise StoreError(
            f"the database {store.database} already has rows in {names}: restore into an empty one (another --data "
            "folder, or another database)"
        )


def _drop_materialized_views(store: Store) -> None:
    for row in store.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MaterializedView'"
    ):
        store.command(f"DROP VIEW {quote_identifier(row['name'])}")

"""The embedded engine's definitions of tables, which a full disk destroys.

An ALTER or CREATE on a full disk answers that all is well, leaves the file of the definition empty, and the store never
opens again. So nothing that writes one begins without room; each is kept twice; and an empty one is mended before the
engine sees it.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from modelspan_collector.store.errors import StoreFullError, StoreUnavailableError

ROOM_BYTES: Final = 16 << 20
"""Left on the disk for anything that writes a definition to begin."""
_CHANGES: Final = ("CREATE", "ALTER", "RENAME")
_FREES: Final = "DROP PARTITION"
"""Of what begins as a change does: this writes no definition, and makes room."""
_KEPT: Final = Path("modelspan") / "definitions"
_PASSING: Final = "forgetting_"
"""Begins the tables that are there for the time of an erasure."""
_LOGGER = logging.getLogger(__name__)


def need_room(store: Path, sql: str) -> None:
    """Refuse a statement that writes a definition where the disk has no room for it.

    Raises:
        StoreFullError: it has none.
    """
    if not _is_change(sql):
        return
    there = next(folder for folder in (store, *store.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < ROOM_BYTES:
        raise StoreFullError(
            f"the disk of {store} has {free >> 20} MiB left, and a change of tables needs {ROOM_BYTES >> 20} (on a "
            "full disk the engine loses their definitions): make room, then try again"
        )


def _is_change(sql: str) -> bool:
    lines = (line.strip() for line in sql.splitlines())
    first = next((line for line in lines if line and not line.startswith("--")), "")
    return first.split(maxsplit=1)[0].upper() in _CHANGES and _FREES not in sql if first else False


def keep(store: Path) -> None:
    """Keep the definitions as they are now; where that cannot be, those of before stay."""
    with suppress(OSError):
        for file in _definitions(store):
            copy = _copy(store, file)
            text = file.read_bytes()
            if text and (not copy.is_file() or copy.read_bytes() != text):
                copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                fresh = copy.with_suffix(".new")
                fresh.write_bytes(text)
                fresh.replace(copy)


def mend(store: Path) -> None:
    """Put back definitions that are empty; nobody may have the store open.

    Raises:
        StoreUnavailableError: one is empty, and was never kept, of a table with rows.
        OSError: the disk has no room for it.
    """
    for file in [each for each in _definitions(store) if each.stat().st_size == 0]:
        copy, rows = _copy(store, file), store / "data" / file.parent.name / file.stem
        if copy.is_file():
            file.write_bytes(copy.read_bytes())
            _LOGGER.warning("the definition of %s was empty, as after a full disk, and is put back", file.stem)
        elif file.stem.startswith(_PASSING) or not any(rows.glob("*_*_*")):
            shutil.rmtree(rows.resolve(), ignore_errors=True)
            rows.unlink(missing_ok=True)
            file.unlink()
            _LOGGER.warning("the definition of %s, which holds no rows, was empty, and is removed", file.stem)
        else:
            raise StoreUnavailableError(
                f"the definition of the table {file.stem} is empty ({file}), as after a full disk, and no copy of it "
                "was kept: put it back from a copy of the folder, or restore a backup into another one"
            )


def _definitions(store: Path) -> Iterator[Path]:
    """The files of all tables, by databases' names."""
    for database in sorted((store / "metadata").glob("*.sql")):
        yield from sorted(database.with_suffix("").glob("*.sql"))


def _copy(store: Path, file: Path) -> Path:
    return store / _KEPT / file.parent.name / file.name

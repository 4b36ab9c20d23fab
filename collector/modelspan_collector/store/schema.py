"""The schema: every `schema/*.sql` file in the order of its number, each idempotent, and upgrades of older stores.

A fresh store gets the schema as it is now, and is marked as having every migration. An older one gets the migrations
that it lacks first (`migrations/NNNN_what.sql`, numbered from 2: version 1 is the first release), then whatever tables
and views are new.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from modelspan_collector.store import definitions, repartition
from modelspan_collector.store.connect import Store
from modelspan_collector.store.errors import SchemaError

FIRST_VERSION = 1
_HERE = Path(__file__).parent
_LEDGER_FILE = "000_schema_migrations.sql"
_CREATED = re.compile(r"^CREATE (?:TABLE|MATERIALIZED VIEW|VIEW) IF NOT EXISTS (\w+)", re.MULTILINE)
_PLACE = re.compile(r"/\*(\w+)\*/(.*?)/\*\*/")
_AS_IT_STANDS: Mapping[str, str] = MappingProxyType({})
_INCLUDE = re.compile(r"^ *-- include (\w+\.sql)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from the version before it."""

    version: int
    name: str
    statements: tuple[str, ...]


def statements(places: Mapping[str, str] = _AS_IT_STANDS) -> list[tuple[str, str]]:
    """All DDL as (file name, statement), in the order in which it is applied.

    Args:
        places: other text for places of these names, such as a cluster's; in all others stays what stands there.
    """
    return [
        (file.name, _PLACE.sub(lambda place: places.get(place[1], place[2]), statement))
        for file in _scripts(_HERE / "schema")
        for statement in split(_text(file))
    ]


def templates(file: str) -> list[str]:
    """The DDL of one file with its places, `/*name*/what stands there/**/`, for `fill`."""
    return split(_text(_HERE / "schema" / file))


def fill(template: str, places: Mapping[str, str]) -> str:
    """DDL with other text in its places, all of them at once, so that what is put in is not looked into.

    Raises:
        SchemaError: the template has other places than those that are given.
    """
    if (there := {place[1] for place in _PLACE.finditer(template)}) != places.keys():
        raise SchemaError(f"the places {sorted(there)} are to be filled, not {sorted(places)}: {template[:80]!r}")
    return _PLACE.sub(lambda place: places[place[1]], template)


def migrations(folder: Path = _HERE / "migrations") -> list[Migration]:
    """The upgrades, oldest first.

    Raises:
        SchemaError: two have the same number, or a file name has none.
    """
    steps: list[Migration] = []
    for file in _scripts(folder):
        number, _, name = file.stem.partition("_")
        if not number.isdigit() or int(number) <= FIRST_VERSION or any(int(number) == step.version for step in steps):
            raise SchemaError(f"the migration {file.name} needs a number of its own above {FIRST_VERSION}")
        steps.append(Migration(int(number), name, tuple(split(file.read_text()))))
    return sorted(steps, key=lambda step: step.version)


def split(script: str) -> list[str]:
    """Split a script at the semicolons that end a line; comments without a statement are dropped."""
    parts = (part.strip() for part in script.split(";\n"))
    return [part.rstrip(";") for part in parts if any(line and not line.startswith("--") for line in part.splitlines())]


def apply(store: Store, steps: list[Migration] | None = None) -> None:
    """Bring the store's database to this version's schema; safe to call at every start.

    Args:
        store: the store.
        steps: the migrations; those of this version when left out.

    Raises:
        SchemaError: the database was made by a newer version.
    """
    steps = migrations() if steps is None else steps
    latest, at = newest(steps), version(store)
    if at > latest:
        raise SchemaError(
            f"the database {store.database} has schema version {at}, and this modelspan knows {latest}: upgrade "
            "modelspan, or restore a backup of that version into another database"
        )
    ddl = statements()
    present = _tables(store)
    _run(store, [made for file, made in ddl if file == _LEDGER_FILE and _created(made) not in present])
    if (
        at == 0
    ):  # said first: who finds it half made, be it after a crash or beside us, goes on and has nothing to upgrade
        _record(store, latest, "made at this version")
    for step in steps:
        if 0 < at < step.version:
            _run(store, step.statements)
            _record(store, step.version, step.name)
    repartition.by_age(store)
    # The engine analyses a view before it looks whether the view exists: a second for all, at every start.
    present = _tables(store)
    _run(store, [statement for _, statement in ddl if _created(statement) not in present])
    if store.embedded:
        definitions.keep(Path(urlsplit(store.dsn).path))


def newest(steps: list[Migration] | None = None) -> int:
    """The schema version that the given migrations, or those of this modelspan, lead to."""
    return max([FIRST_VERSION, *(step.version for step in (migrations() if steps is None else steps))])


def version(store: Store) -> int:
    """The schema version of the store's database: 0 where it is empty."""
    tables = _tables(store)
    recorded = int(store.scalar("SELECT max(version) FROM schema_migrations")) if "schema_migrations" in tables else 0
    return max(recorded, FIRST_VERSION if "predictions" in tables else 0)


def _tables(store: Store) -> set[str]:
    return {row["name"] for row in store.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}


def _created(statement: str) -> str | None:
    found = _CREATED.search(statement)
    return found[1] if found else None


def _run(store: Store, ddl: Iterable[str]) -> None:
    for statement in ddl:
        store.command(statement)


def _record(store: Store, reached: int, name: str) -> None:
    store.command(
        "INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}",
        {"version": reached, "name": name},
    )


def _text(file: Path) -> str:
    """A script, with the fragments that several share put where it says `-- include name.sql`."""
    return _INCLUDE.sub(lambda found: (file.parent / "include" / found[1]).read_text().rstrip("\n"), file.read_text())


def _scripts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))

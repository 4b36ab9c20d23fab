"""Applies the schema: every `schema/*.sql` file in the order of its number, each idempotent."""

from __future__ import annotations

from importlib import resources

from modelspan_collector.store.connect import Store


def statements() -> list[tuple[str, str]]:
    """All DDL as (file name, statement), in the order in which it is applied."""
    folder = resources.files("modelspan_collector.store") / "schema"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [(file.name, statement) for file in files for statement in split(file.read_text())]


def split(script: str) -> list[str]:
    """Split a script at the semicolons that end a line; comments without a statement are dropped."""
    parts = (part.strip() for part in script.split(";\n"))
    return [part.rstrip(";") for part in parts if any(line and not line.startswith("--") for line in part.splitlines())]


def apply(store: Store) -> None:
    """Bring the store's database to this version's schema; safe to call at every start."""
    for _, statement in statements():
        store.command(statement)

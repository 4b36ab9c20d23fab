"""Which rows of a table hold a subject: said once, for who deletes them and for who proves that none is left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from modelspan.conventions import PREDICTION_ID, TAG_PREFIX
from modelspan_analyzer.governance.names import ID, IN_TEXT, QUOTED, TRACE, VALUE, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier

SKETCHES: Final = {"feature_profiles": "hour", "feature_profile_days": "day"}
"""Tables that keep no rows but what was measured of them, each with its column of time."""
JSON_TEXT: Final = "details"
"""A column in which our own reports name predictions as whole JSON values."""
_SHARED: Final = "trace_id"
"""A trace may have been of several people: the predictions that are left keep its id, though it is gone."""
_WRAPPED: Final = re.compile(r"(?:LowCardinality|Nullable)\((.+)\)")
_TABLES: Final = """
SELECT table, groupArray(name) AS names, groupArray(type) AS types
FROM system.columns
WHERE database = currentDatabase() AND NOT startsWith(table, 'forgetting_') AND table IN (
    SELECT name FROM system.tables
    WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND (total_rows > 0 OR isNull(total_rows))
)
GROUP BY table ORDER BY table
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A table with rows."""

    name: str
    columns: Mapping[str, str]
    """Types by name."""

    @property
    def quoted(self) -> str:
        """The name for SQL."""
        return quote_identifier(self.name)

    def conditions(self, subject: Subject, names: Names) -> Iterator[str]:
        """SQL: what picks the subject's rows, one search each; with the parameters of `parameters`."""
        exact = [*_exact(self.columns, names), *(_tagged(self.columns, names) if subject.tag else ())]
        if exact:
            yield " OR ".join(exact)
        if text := _text(self.columns):
            yield from (f"multiSearchAny({text}, {piece})" for piece in names.pieces(*IN_TEXT.values()))
        if self.columns.get(JSON_TEXT) == "String":
            yield from (f"multiSearchAny({JSON_TEXT}, {piece})" for piece in names.pieces(QUOTED))


def parameters(subject: Subject) -> dict[str, str]:
    """What the conditions refer to: never the subject's own name, as mutations are kept on disk."""
    return {"tag": subject.tag, "attribute": f"{TAG_PREFIX}{subject.tag}"}


def tables(store: Store) -> list[Held]:
    """Every table of a database that has rows."""
    return [Held(row["table"], dict(zip(row["names"], row["types"], strict=True))) for row in store.rows(_TABLES)]


def _exact(columns: Mapping[str, str], names: Names) -> Iterator[str]:
    if "prediction_id" in columns:
        yield f"prediction_id IN {names.chosen(ID)}"
    if "TraceId" in columns:
        yield f"TraceId IN {names.chosen(TRACE)}"
    for name in _attributes(columns):
        yield f"`{name}`['{PREDICTION_ID}'] IN {names.chosen(ID)}"


def _tagged(columns: Mapping[str, str], names: Names) -> Iterator[str]:
    if "tags" in columns:
        yield f"tags[{{tag:String}}] IN {names.chosen(VALUE)}"
    for name in _attributes(columns):
        yield f"`{name}`[{{attribute:String}}] IN {names.chosen(VALUE)}"


def _attributes(columns: Mapping[str, str]) -> Iterator[str]:
    """Maps of attributes, as OpenTelemetry's columns are called."""
    return (name for name, kind in columns.items() if name.endswith("Attributes") and kind.startswith("Map("))


def _text(columns: Mapping[str, str]) -> str:
    """All texts of a row, those inside of maps and lists too, joined."""
    parts = [part for name, kind in columns.items() if name != _SHARED for part in _leaves(f"`{name}`", kind)]
    return f"arrayStringConcat(arrayConcat({', '.join(parts)}), '\\n')" if parts else ""


def _leaves(value: str, kind: str) -> Iterator[str]:
    """SQL: lists of the texts in a value of a type; nothing where it can hold none."""
    if "String" not in kind or "AggregateFunction" in kind:
        return
    if kind.startswith("Map("):
        sides = (f"map{side}({value})" for side in ("Keys", "Values"))
        yield from (f"arrayMap(one -> toString(one), {side})" for side in sides)
    elif kind.startswith("Array(Map("):
        for side in ("Keys", "Values"):
            yield f"arrayMap(one -> toString(one), arrayFlatten(arrayMap(each -> map{side}(each), {value})))"
    elif kind.startswith("Array("):
        yield f"arrayMap(one -> toString(one), {value})"
    elif _WRAPPED.fullmatch(kind):
        yield f"[ifNull(toString({value}), '')]"
    else:
        yield f"[toString({value})]"

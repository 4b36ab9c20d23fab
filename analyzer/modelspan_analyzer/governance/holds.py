"""Which rows of a table hold a subject: said once, for who deletes them and for who proves that none is left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from modelspan.conventions import PREDICTION_ID, TAG_PREFIX
from modelspan_analyzer.governance.names import ID, IN_TEXT, QUOTED, TRACE, VALUE, Names
from modelspan_analyzer.governance.subject import Subject
from modelspan_collector.otlp.wire import TENANT_ATTRIBUTE
from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier

SKETCHES: Final = {"feature_profiles": "hour", "feature_profile_days": "day"}
"""Tables that keep no rows but what was measured of them, each with its column of time."""
JSON_TEXT: Final = "details"
"""A column in which our own reports name predictions as whole JSON values."""
_SHARED: Final = "trace_id"
"""A trace may have been of several people: the predictions that are left keep its id, though it is gone."""
_RESOURCE: Final = "ResourceAttributes"
_WRAPPED: Final = re.compile(r"(?:LowCardinality|Nullable)\((.+)\)")
TENANT: Final = {"predictions": "tags['tenant']", "labels": "tenant"}
"""SQL: whose a row is, of tables whose rows are told apart by it first."""
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
        found = [" OR ".join(exact)] if exact else []
        if text := _text(self.columns):
            found += (f"multiSearchAny({text}, {piece})" for piece in names.pieces(*IN_TEXT.values()))
        if self.columns.get(JSON_TEXT) == "String":
            found += (f"multiSearchAny({JSON_TEXT}, {piece})" for piece in names.pieces(QUOTED))
        yield from (self.of_tenant(one, subject) for one in found)

    def of_tenant(self, condition: str, subject: Subject) -> str:
        """SQL: a condition, of rows that may be of the subject's tenant; with the parameters of `parameters`."""
        whose = _whose(self) if subject.tenant else ""
        return f"({condition}) AND {whose}" if whose else condition


def parameters(subject: Subject) -> dict[str, str]:
    """What the conditions refer to: never the subject's own name, as mutations are kept on disk."""
    return {"tag": subject.tag, "attribute": f"{TAG_PREFIX}{subject.tag}", "tenant": subject.tenant}


def tables(store: Store) -> list[Held]:
    """Every table of a database that has rows."""
    return [Held(row["table"], dict(zip(row["names"], row["types"], strict=True))) for row in store.rows(_TABLES)]


def _whose(table: Held) -> str:
    """SQL: that a row is of a tenant, or of nobody; '' where the table's rows are nobody's."""
    if table.name == "predictions":  # one without a tenant is another sender's, which may use the same ids
        return f"{TENANT[table.name]} = {{tenant:String}}"
    known = {"tags": "tags['tenant']", "tenant": "tenant", _RESOURCE: f"{_RESOURCE}['{TENANT_ATTRIBUTE}']"}
    column = next((value for name, value in known.items() if name in table.columns), "")
    return f"{column} IN ('', {{tenant:String}})" if column else ""


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

"""The JSON Schemas of a report and of a digest, made from the records that they are written from."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from modelspan_analyzer.views.digest import Digest
from modelspan_analyzer.views.report import Report


def json_schema(of: type[Report] | type[Digest] = Report) -> dict[str, Any]:
    """What `docs/schemas/` publishes of either; further fields may come, those that are there stay."""
    made = TypeAdapter(of).json_schema(mode="serialization")
    query = {"type": "object", "properties": {"title": {"type": "string"}, "sql": {"type": "string"}}}
    made["$defs"]["Query"] = {**query, "required": ["title", "sql"]}
    made["properties"] = {"schema_version": {"const": 1}, **made["properties"]}
    made["required"] = ["schema_version", *made["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_undefined_is_null(made)}


def _undefined_is_null(schema: Any) -> Any:
    """A number that is undefined is null, wherever it stands."""
    if isinstance(schema, list):
        return [_undefined_is_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _undefined_is_null(each) for name, each in schema.items()}
    return {**found, "type": ["number", "null"]} if found.get("type") == "number" else found

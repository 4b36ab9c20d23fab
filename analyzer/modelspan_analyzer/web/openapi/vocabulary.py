"""The words of the table: an operation, and what it can be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]
"""A JSON Schema, of the 2020-12 dialect that OpenAPI 3.1 speaks."""

TEXT: Final[Schema] = {"type": "string"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number"}
TRUTH: Final[Schema] = {"type": "boolean"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
ANYTHING: Final[Schema] = {"type": "object"}


def or_none(schema: Schema) -> Schema:
    """What may be missing."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """A list of what a schema describes."""
    return {"type": "array", "items": schema}


def record(**fields: Schema) -> Schema:
    """An object that has these fields at least."""
    return {"type": "object", "properties": fields, "required": sorted(fields)}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One name of a query or of a path, and what it says."""

    name: str
    about: str
    required: bool = False
    repeated: bool = False
    schema: Schema | None = None
    """Of one value; None for any text."""
    in_path: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What is posted: a JSON object of a schema, or bytes of one of several types."""

    types: tuple[str, ...]
    about: str
    schema: Schema | None = None

    @property
    def names(self) -> frozenset[str]:
        """Of a JSON object: those that it may have."""
        return frozenset((self.schema or {}).get("properties", ()))


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path: what it is for, what it takes, what it answers where all is well."""

    method: str
    path: str
    about: str
    answer: Schema | None
    """None where it answers no JSON."""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    status: int = 200
    answer_type: str = "application/json"

    @property
    def told_path(self) -> str:
        """The path as OpenAPI has it, which does not say that a name may have slashes."""
        return self.path.replace(":path}", "}")

    @property
    def door(self) -> str:
        """How tables name it: `GET /api/incidents`."""
        return f"{self.method} {self.path}"

    @property
    def names(self) -> frozenset[str]:
        """The names that its query may have."""
        return frozenset(parameter.name for parameter in self.parameters if not parameter.in_path)

"""Reads `monitors.yaml`; what is wrong in it is said with its line and the fix.

What it may hold is said by `config/` and by the table of signals, whose records may bring sections along.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from modelspan_analyzer.config.settings import MonitorsConfig, with_sections
from modelspan_analyzer.monitors.table import SIGNALS

CONFIG: Final = with_sections(SIGNALS.sections())
"""All that the file may hold."""


class ConfigError(ValueError):
    """The monitors file cannot be used; the message names file, line, what was expected and the fix."""


def load(path: Path) -> MonitorsConfig:
    """Read and check a monitors file.

    Raises:
        ConfigError: it cannot be read, is not YAML, or holds what no setting is.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return parse(text, str(path))


def parse(text: str, name: str = "monitors.yaml") -> MonitorsConfig:
    """Check the text of a monitors file.

    Raises:
        ConfigError: see `load`.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_repeated_keys(root, name)
        given = yaml.safe_load(text)
    except ConfigError:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not YAML: {error.problem}; check the indentation and quotes") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not YAML: {' '.join(str(error).split())}; save it as plain UTF-8 text") from error
    except RecursionError as error:
        raise ConfigError(f"{name} holds itself by an alias, or nests too deeply; write it out flat") from error
    except ValueError as error:
        raise ConfigError(f"{name}: a value cannot be read: {error}; put it in quotes") from error
    if given is None:
        return CONFIG()
    try:
        return CONFIG.model_validate(_as_tuples(given))
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(problem, root, name) for problem in error.errors())) from error


def json_schema() -> str:
    """The JSON Schema of `monitors.yaml`, for editors: published in docs/monitors.schema.json, kept fresh by a test."""
    schema = CONFIG.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "modelspan monitors.yaml"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _as_tuples(given: Any) -> Any:
    """YAML lists as tuples: the settings are immutable, and strict types tell the two apart."""
    if isinstance(given, dict):
        return {key: _as_tuples(value) for key, value in given.items()}
    if isinstance(given, list):
        return tuple(_as_tuples(value) for value in given)
    return given


def _explain(problem: ErrorDetails, root: yaml.Node | None, name: str) -> str:
    place = problem["loc"]
    line = _line(root, place) if root is not None else 1
    setting = ".".join(str(part) for part in place) or "the file"
    return f"{name}:{line}: {setting}: {_fix(problem, place)}"


def _fix(problem: ErrorDetails, place: Sequence[int | str]) -> str:
    message, given = problem["msg"].removeprefix("Value error, "), problem["input"]
    if problem["type"] == "extra_forbidden":
        if of_all := _slices_of_one(place):
            return of_all
        known = list(_fields(place[:-1]))
        near = get_close_matches(str(place[-1]), known, n=1)
        return (
            f"there is no such setting; did you mean `{near[0]}`?"
            if near
            else f"there is no such setting; known here: {', '.join(known)}"
        )
    if problem["type"] == "missing":
        return "is required; add it"
    if problem["type"] == "string_type" and isinstance(given, int | float | bool):
        return f"expected text, and YAML reads {given!r} as a number or a truth value; put it in quotes: '{given}'"
    if problem["type"] in ("tuple_type", "list_type"):
        return f"expected a list; write [{given}]"
    if problem["type"] in ("model_type", "dict_type"):
        return f"expected settings by name; given: {given!r}"
    if problem["type"] == "value_error":
        return message
    return f"{message[0].lower()}{message[1:]}; given: {given!r}"


def _slices_of_one(place: Sequence[int | str]) -> str:
    """Why slices cannot be named for one monitor, where they are; '' where something else is named."""
    if len(place) < 2 or place[-1] not in ("slices", "segments") or place[-2] not in SIGNALS:
        return ""
    why = SIGNALS[str(place[-2])].whole_only
    if why:
        return f"{place[-2]} looks at all rows alone: {why}; take it out"
    return f"slices are named for all monitors of a model at once: put `{place[-1]}` beside `{place[-2]}`"


def _fields(place: Sequence[int | str]) -> dict[str, Any]:
    """The settings known at a place of the file."""
    model: type[BaseModel] = CONFIG
    for part in place:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return dict(model.model_fields)


def _line(node: yaml.Node, place: Sequence[int | str]) -> int:
    """The line of the deepest part of a place that the file holds."""
    line = node.start_mark.line + 1
    for part in place:
        found = _child(node, part)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


def _child(node: yaml.Node, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _refuse_repeated_keys(node: yaml.Node | None, name: str) -> None:
    """YAML keeps the last of two equal keys silently; a person who wrote both would be misled."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise ConfigError(
                    f"{name}:{line}: {key.value} is given twice, first on line {seen[key.value]}; keep one"
                )
            seen[key.value] = line
            _refuse_repeated_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated_keys(child, name)

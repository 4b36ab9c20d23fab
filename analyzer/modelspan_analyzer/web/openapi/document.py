"""The table as an OpenAPI 3.1 document."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from modelspan_analyzer.web.openapi.schemas import ERROR
from modelspan_analyzer.web.openapi.vocabulary import TEXT, Body, Operation, Parameter

_OPEN: Final = ("/healthz", "/readyz")
_WHERE_TOKENS: Final[list[dict[str, list[str]]]] = [{"token": []}, {}]
_ABOUT: Final = (
    "What the pages of modelspan show and do. Whatever cannot be answered is answered with a status of 4xx or 503 and "
    "an object with an `error`, a sentence. A parameter that is not described here is refused."
)


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The description of some operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.told_path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "modelspan", "version": _version(), "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {"Error": dict(ERROR)},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "of the file given as --web-tokens"}
            },
        },
    }


def _version() -> str:
    try:
        return version("modelspan")
    except PackageNotFoundError:  # run from a checkout
        return "0"


def _operation(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": operation.about}
    if operation.answer is not None:
        answer["content"] = {operation.answer_type: {"schema": dict(operation.answer)}}
    else:
        answer["content"] = {operation.answer_type: {"schema": {"type": "string"}}}
    wrong = {"description": "what is wrong", "content": {"application/json": {"schema": _ref("Error")}}}
    if operation.path in _OPEN:
        answers = {str(operation.status): answer, "503": {**answer, "description": "not ready"}}
    else:
        answers = {str(operation.status): answer, "default": wrong}
    return {
        "operationId": f"{operation.method}_{operation.told_path}".lower().translate(str.maketrans("/{}.", "____")),
        "summary": operation.about,
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        **({"requestBody": _body(operation.body)} if operation.body else {}),
        "responses": answers,
        **({} if operation.path in _OPEN else {"security": _WHERE_TOKENS}),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = dict(parameter.schema or TEXT)
    if parameter.repeated:
        schema = {"type": "array", "items": schema}
    return {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "required": parameter.required,
        "description": parameter.about,
        "schema": schema,
    }


def _body(body: Body) -> dict[str, Any]:
    schema = dict(body.schema) if body.schema else {"type": "string", "format": "binary"}
    return {"description": body.about, "required": True, "content": {kind: {"schema": schema} for kind in body.types}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}

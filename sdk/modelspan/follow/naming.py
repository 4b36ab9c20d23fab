"""Of which model a prediction is that nobody named in code."""

from __future__ import annotations

import os
from typing import Any

from modelspan._failsafe import swallowed

MODEL, VERSION = "MODELSPAN_MODEL", "MODELSPAN_MODEL_VERSION"

_named: dict[str, tuple[str, str]] = {}
"""Of which kind and library the first model was that predicted under a name that its framework did not tell."""


def named(model: Any, told: str = "", version: str = "", kind: str = "") -> dict[str, Any]:
    """Name and version of a model: the environment's, else what its framework tells, else its class.

    Args:
        model: The object that predicts.
        told: A name that its framework knows, such as that of its file; '' where there is none.
        version: A version that its framework knows.
        kind: What it is, where that is more than its class says: a pipeline is its last step.
    """
    kind = kind or type(model).__name__
    chosen = os.environ.get(MODEL, "").strip()
    if not (chosen or told):
        swallowed(f"a {kind} predicts without a name and is called by its class; {MODEL} names it")
    if chosen or not told:
        _tell_apart(chosen or kind, (kind, type(model).__module__.partition(".")[0]), f", by {MODEL}" if chosen else "")
    return {"model": chosen or told or kind, "version": os.environ.get(VERSION, "").strip() or version}


def _tell_apart(name: str, this: tuple[str, str], whence: str) -> None:
    """Say that two kinds of model predict under one name; two of one class cannot be told apart."""
    first = _named.setdefault(name, this)
    if first != this:
        words = [kind if first[0] != this[0] else f"{kind} of {library}" for kind, library in (first, this)]
        swallowed(
            f"a {words[0]} and a {words[1]} both predict as {name!r}{whence}; "
            "modelspan.instrument(model, NAME) names each by itself"
        )


def served_as(name: str, version: str = "") -> dict[str, Any]:
    """Name and version of what a server serves under a name that tells its models apart."""
    return {"model": name, "version": version or os.environ.get(VERSION, "").strip()}


def named_by_its_server(model: Any, told: str, version: str = "") -> dict[str, Any]:
    """The same, of a server that calls by its class what nobody named, which then is named as `named` does.

    Args:
        model: The object that predicts.
        told: What its server calls it.
        version: A version that its server knows; '' where there is none.
    """
    unnamed = told in ("", type(model).__name__)
    return named(model, version=version) if unnamed else served_as(told, version)

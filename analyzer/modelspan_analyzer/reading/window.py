"""Which predictions are of a window: said once, with what the table is sorted by, so that no others are read."""

from __future__ import annotations

from modelspan_analyzer.results import Window

_BETWEEN = """timestamp >= {{{start}:DateTime64(9, 'UTC')}} AND timestamp < {{{end}:DateTime64(9, 'UTC')}}
    AND toStartOfFiveMinutes(timestamp) >= toStartOfFiveMinutes({{{start}:DateTime64(9, 'UTC')}})
    AND toStartOfFiveMinutes(timestamp) <= toStartOfFiveMinutes({{{end}:DateTime64(9, 'UTC')}})"""
WHOSE = "model = {model:String} AND ({any_version:Bool} OR version = {version:String})"
"""The condition of a model and its version, in SQL."""


def within(name: str = "") -> str:
    """The condition in SQL; `name` is put before its parameters, so that two windows can stand in one query."""
    return f"{WHOSE.replace('{', '{' + name)} AND {between(f'{name}start', f'{name}end')}"


def between(start: str, end: str) -> str:
    """The condition of time alone, in SQL: from one of two parameters, of these names, to the other."""
    return _BETWEEN.format(start=start, end=end)


def whose(model: str, version: str | None) -> dict[str, object]:
    """The values of the parameters of `WHOSE`: None is every version, '' those predictions that came without one."""
    return {"model": model, "version": version or "", "any_version": version is None}


def bound(model: str, version: str | None, window: Window, name: str = "") -> dict[str, object]:
    """The values of all its parameters; `version` as in `whose`."""
    values = {**whose(model, version), "start": window.start, "end": window.end}
    return {name + key: value for key, value in values.items()}

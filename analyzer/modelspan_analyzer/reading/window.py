"""Which predictions are of a window: said once, with what the table is sorted by, so that no others are read."""

from __future__ import annotations

from modelspan_analyzer.results import Window

_BETWEEN = """timestamp >= {{{start}:DateTime64(9, 'UTC')}} AND timestamp < {{{end}:DateTime64(9, 'UTC')}}
    AND toStartOfFiveMinutes(timestamp) >= toStartOfFiveMinutes({{{start}:DateTime64(9, 'UTC')}})
    AND toStartOfFiveMinutes(timestamp) <= toStartOfFiveMinutes({{{end}:DateTime64(9, 'UTC')}})"""
_WHOSE = "model = {{{0}model:String}} AND ({{{0}version:String}} = '' OR version = {{{0}version:String}})"


def within(name: str = "") -> str:
    """The condition in SQL; `name` is put before its parameters, so that two windows can stand in one query."""
    return f"{_WHOSE.format(name)} AND {between(f'{name}start', f'{name}end')}"


def between(start: str, end: str) -> str:
    """The condition of time alone, in SQL: from one of two parameters, of these names, to the other."""
    return _BETWEEN.format(start=start, end=end)


def bound(model: str, version: str, window: Window, name: str = "") -> dict[str, object]:
    """The values of its parameters; an empty version stands for all of them."""
    values = {"model": model, "version": version, "start": window.start, "end": window.end}
    return {name + key: value for key, value in values.items()}

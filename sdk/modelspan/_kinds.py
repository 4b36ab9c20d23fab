"""Kinds of callables: which function decides how an object is called, and how what wraps it comes to look like it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def unwrapped(function: Any) -> Any:
    """The function that decides of which kind a partial or an object with `__call__` is."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return getattr(type(function), "__call__", function)  # noqa: B004


def like(function: Any) -> Callable[[Any], Any]:
    """Dress a wrapper as the function; callables without a name of their own take their type's."""
    if hasattr(function, "__name__"):
        return functools.wraps(function)
    named = functools.wraps(function, assigned=("__doc__",), updated=())
    return lambda wrapper: _renamed(named(wrapper), type(unwrapped(function)).__name__)


def _renamed(wrapper: Any, name: str) -> Any:
    wrapper.__name__ = wrapper.__qualname__ = name
    return wrapper

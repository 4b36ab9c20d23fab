"""Marks the time in which a method runs, whatever its kind: also between the items of a generator, it is not inside."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from typing import Any

from modelspan._kinds import unwrapped


def marked(method: Any, inside: ContextVar[bool]) -> Callable[..., Any]:
    """A function that calls the method with the mark set; it is to be driven as the method is."""
    bare = unwrapped(method)
    if inspect.isgeneratorfunction(bare):
        return _dressed(method, lambda *args, **kwargs: _Steps(method(*args, **kwargs), inside))
    if inspect.isasyncgenfunction(bare):
        return _dressed(method, lambda *args, **kwargs: _AsyncSteps(method(*args, **kwargs), inside))
    if inspect.iscoroutinefunction(bare):
        return _dressed(method, lambda *args, **kwargs: _awaited(method(*args, **kwargs), inside))

    def called(*args: Any, **kwargs: Any) -> Any:
        with _marked(inside):
            return method(*args, **kwargs)

    return _dressed(method, called)


def _dressed(method: Any, called: Callable[..., Any]) -> Callable[..., Any]:
    return functools.update_wrapper(called, method, updated=())


class _marked:  # noqa: N801 - reads as a verb where it is used
    """A block in which the mark is set."""

    __slots__ = ("_inside", "_token")

    def __init__(self, inside: ContextVar[bool]) -> None:
        self._inside = inside

    def __enter__(self) -> None:
        self._token = self._inside.set(True)

    def __exit__(self, *error: object) -> None:
        self._inside.reset(self._token)


async def _awaited(coroutine: Any, inside: ContextVar[bool]) -> Any:
    with _marked(inside):
        return await coroutine


class _Steps(Generator[Any, Any, Any]):
    """A generator, each of whose steps is marked."""

    def __init__(self, generator: Any, inside: ContextVar[bool]) -> None:
        self._generator, self._inside = generator, inside

    def send(self, value: Any) -> Any:
        with _marked(self._inside):
            return self._generator.send(value)

    def throw(self, *error: Any) -> Any:
        with _marked(self._inside):
            return self._generator.throw(*error)


class _AsyncSteps(AsyncGenerator[Any, Any]):
    """An async generator, each of whose steps is marked."""

    def __init__(self, generator: Any, inside: ContextVar[bool]) -> None:
        self._generator, self._inside = generator, inside

    async def asend(self, value: Any) -> Any:
        with _marked(self._inside):
            return await self._generator.asend(value)

    async def athrow(self, *error: Any) -> Any:
        with _marked(self._inside):
            return await self._generator.athrow(*error)

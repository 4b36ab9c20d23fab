"""Methods of a library's classes, observed where nothing that is observed calls them.

Models nest: a pipeline calls its last step, a forest its trees, MLflow the model that it wraps. What comes first is the
prediction; all that runs inside of it says nothing, and neither does what runs while something is fitted, evaluated or
explained (`quiet`), in an application's own `observe`, or under OpenTelemetry's `suppress_instrumentation`.
"""

from __future__ import annotations

import copy
import functools
import inspect
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

from opentelemetry.context import attach, detach, get_value

from modelspan import _context, _runtime
from modelspan._failsafe import guard, swallowed
from modelspan._instrument import Learning
from modelspan._observer import Options

T = TypeVar("T")
_FOLLOWED = "__modelspan_followed__"
"""Marks a function that stands for a library's own, which it holds."""


def _itself(model: Any) -> Any:
    return model


class Reading(NamedTuple):
    """How calls of a class's methods are read."""

    options: Callable[[Any], Options]
    """From an object to its name and all else that `observe` takes; extractors get the object as first argument."""
    learner: Callable[[Any], Any] = _itself
    """From an object to what knows classes and feature names as an estimator of scikit-learn does."""
    other: Mapping[str, object] = {}
    """Arguments with which a call is no prediction, where they are not as here: leaves and contributions, say."""


def follow(owner: type, names: Iterable[str], reading: Reading) -> None:
    """Observe the methods of a class that it defines itself; those that are followed already stay as they are."""
    for name in names:
        method = vars(owner).get(name)
        if inspect.isfunction(method):
            if not hasattr(method, _FOLLOWED) and not getattr(method, "__isabstractmethod__", False):
                setattr(owner, name, followed(method, reading))
        elif inspect.isfunction(inner := getattr(method, "fn", None)) and not hasattr(inner, _FOLLOWED):
            available: Any = copy.copy(method)  # scikit-learn's: there only if the last step of a pipeline has it
            available.fn = followed(inner, reading)
            setattr(owner, name, available)


def followed(method: Any, reading: Reading) -> Any:
    """A function that takes an object first, observed where nothing that is observed calls it."""
    known: ByObject[Learning] = ByObject()
    told = inspect.signature(method) if reading.other else None

    def chosen(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _runtime.disabled:
            return method
        try:
            other = _is_silent() or (
                told is not None and (len(args) > 2 or kwargs) and _is_other(told, args, kwargs, reading.other)
            )
            return method if other else _observed(known, method, args[0], reading)
        except BaseException as error:
            swallowed(f"calls of {method.__qualname__} cannot be followed", error)
            return method

    calling = _calling(method, chosen)
    setattr(calling, _FOLLOWED, method)
    return calling


def _calling(method: Any, chosen: Callable[[tuple[Any, ...], dict[str, Any]], Any]) -> Any:
    """A function of the method's kind, as servers ask for it, that calls what is chosen for its arguments."""
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await chosen(args, kwargs)(*args, **kwargs)

        return awaited

    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        return chosen(args, kwargs)(*args, **kwargs)

    return called


def _observed(known: ByObject[Learning], method: Any, model: Any, reading: Reading) -> Any:
    return known.of(model, lambda: Learning(method, reading.options(model))).of(reading.learner(model))


def _is_silent() -> bool:
    return _context.is_within() or bool(get_value("suppress_instrumentation"))


def _is_other(told: inspect.Signature, args: Any, kwargs: Any, other: Mapping[str, object]) -> bool:
    given = told.bind_partial(*args, **kwargs).arguments
    return any(given.get(name, usual) != usual for name, usual in other.items())


class ByObject(Generic[T]):
    """What belongs to each object, for as long as it lives, however it compares with others."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], T]] = {}

    def of(self, owner: Any, make: Callable[[], T]) -> T:
        """What belongs to the object; made where there is nothing yet."""
        key = id(owner)
        found = self._known.get(key)
        if found is None or found[0]() is not owner:
            found = weakref.ref(owner, functools.partial(self._forget, key)), make()
            self._known[key] = found
        return found[1]

    def _forget(self, key: int, ref: weakref.ref[Any]) -> None:
        if (found := self._known.get(key)) is not None and found[0] is ref:
            del self._known[key]


@contextmanager
def silence() -> Iterator[None]:
    """A block in which nothing that is followed is a prediction."""
    token = None
    with guard("predictions inside of what is none cannot be told apart"):
        token = attach(_context.within())
    try:
        yield
    finally:
        if token is not None:
            detach(token)


def quiet(owner: Any, names: Iterable[str]) -> None:
    """What runs inside of these functions of a module, or methods of a class, is no prediction."""
    for name in names:
        function = vars(owner).get(name)
        if isinstance(function, classmethod) and not hasattr(function, _FOLLOWED):
            setattr(owner, name, classmethod(_quiet(function.__func__)))
        elif inspect.isfunction(function) and not hasattr(function, _FOLLOWED):
            setattr(owner, name, _quiet(function))


def _quiet(function: Any) -> Any:
    @functools.wraps(function)
    def silent(*args: Any, **kwargs: Any) -> Any:
        with silence():
            return function(*args, **kwargs)

    setattr(silent, _FOLLOWED, function)
    return silent


def unfollowed(owner: Any, names: Iterable[str], advice: str) -> None:
    """Say once of each of these methods, when it is first called, that nothing of it is recorded, and what to do."""
    for name in names:
        method = vars(owner).get(name)
        if inspect.isfunction(method) and not hasattr(method, _FOLLOWED):
            setattr(owner, name, _said(method, f"{owner.__name__}.{name} is not followed: {advice}"))


def not_followed(words: str) -> None:
    """Say once what is called and not followed; nothing where nothing is to be recorded."""
    if not (_runtime.disabled or _is_silent()):
        swallowed(words)


def _said(method: Any, words: str) -> Any:
    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        not_followed(words)
        return method(*args, **kwargs)

    setattr(called, _FOLLOWED, method)
    return called

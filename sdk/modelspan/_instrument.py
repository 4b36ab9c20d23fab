"""Estimators: objects whose methods predict."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from modelspan import _runtime
from modelspan._observe import wrap
from modelspan._observer import Options

E = TypeVar("E")

PREDICTING = ("predict", "predict_proba", "decision_function")
"""What scikit-learn's estimators predict with."""


def instrument(
    estimator: E, model: str, version: str = "", *, methods: Sequence[str] | None = None, **options: Any
) -> E:
    """Observe the methods of one object that predict, and return the object.

    A method that calls another of them (`predict` often calls `predict_proba`) is one call. Classes and feature names
    are taken from a fitted scikit-learn estimator. A copy that is pickled is not observed when it is loaded.

    Args:
        estimator: The object; of its class, nothing changes.
        model: Name of the model.
        version: Its version.
        methods: Names of the methods; those of `predict`, `predict_proba` and `decision_function` that it has, where
            not
            given.
        options: As `observe` takes them.

    Raises:
        AttributeError: It has none of the methods.
    """
    found = [name for name in (methods or PREDICTING) if callable(getattr(estimator, name, None))]
    if not found or (methods is not None and len(found) < len(methods)):
        wanted = ", ".join(methods or PREDICTING)
        raise AttributeError(
            f"{type(estimator).__name__} lacks methods to observe; looked for {wanted}: name them in methods="
        )
    for name, attribute in (("classes", "classes_"), ("feature_names", "feature_names_in_")):
        known = getattr(estimator, attribute, None)
        if options.get(name) is None and known is not None and getattr(known, "ndim", 1) == 1:
            options[name] = [each.item() if hasattr(each, "item") else each for each in known]
    inside: ContextVar[bool] = ContextVar(f"modelspan.inside.{model}", default=False)
    for name in found:
        object.__setattr__(
            estimator, name, _ObservedMethod(estimator, name, Options(model, version, **options), inside)
        )
    return estimator


class _ObservedMethod:
    """A method of one object, observed unless another observed method of the object calls it."""

    def __init__(self, estimator: Any, name: str, options: Options, inside: ContextVar[bool]) -> None:
        method = getattr(estimator, name)
        self._estimator, self._name, self._method, self._inside = estimator, name, method, inside
        self._observed = wrap(self._called, options) if not _is_async(method) else wrap(method, options)
        functools.update_wrapper(self, method, updated=())

    def _called(self, *args: Any, **kwargs: Any) -> Any:
        token = self._inside.set(True)
        try:
            return self._method(*args, **kwargs)
        finally:
            self._inside.reset(token)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _runtime.disabled or self._inside.get():
            return self._method(*args, **kwargs)
        return self._observed(*args, **kwargs)

    def __reduce__(self) -> Any:
        return _method_of_class, (self._estimator, self._name)


def _is_async(method: Any) -> bool:
    import inspect

    return (
        inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method)
    )


def _method_of_class(estimator: Any, name: str) -> Any:
    """What the class says that the method is."""
    return getattr(type(estimator), name).__get__(estimator)

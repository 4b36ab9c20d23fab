"""Estimators: objects whose methods predict."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from modelspan import _runtime
from modelspan._failsafe import attempt, swallowed
from modelspan._inside import marked
from modelspan._loaded import loaded
from modelspan._observe import wrapper_of
from modelspan._observer import Observer, Options
from modelspan.capture.outputs import CLASSIFICATION, REGRESSION
from modelspan.conventions import MULTILABEL

E = TypeVar("E")

PREDICTING = ("predict", "predict_proba", "decision_function")
"""What scikit-learn's estimators predict with."""


def instrument(
    estimator: E, model: str, version: str = "", *, methods: Sequence[str] | None = None, **options: Any
) -> E:
    """Observe the methods of one object that predict, and return the object.

    A method that calls another of them (`predict` often calls `predict_proba`) is one call. Classes and feature names
    are taken from a scikit-learn estimator once it is fitted, before or after. Clones, deep copies, and copies that are
    pickled are not observed; a shallow copy (`copy.copy`) goes on calling the methods of this object.

    Args:
        estimator: The object; of its class, nothing changes.
        model: Name of the model.
        version: Its version.
        methods: Names of the methods; `predict`, `predict_proba` and `decision_function`, those that it has, where
            none are given.
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
    inside: ContextVar[bool] = ContextVar(f"modelspan.inside.{model}", default=False)
    for name in found:
        method = _ObservedMethod(estimator, name, Options(model=model, version=version, **options), inside)
        object.__setattr__(estimator, name, method)
    return estimator


class _ObservedMethod:
    """A method of one object, observed unless another observed method of the object calls it."""

    def __init__(self, estimator: Any, name: str, options: Options, inside: ContextVar[bool]) -> None:
        self._estimator, self._name, self._inside = estimator, name, inside
        self._method = getattr(estimator, name)
        self._learning = Learning(self._method, options, lambda method: marked(method, inside))
        functools.update_wrapper(self, self._method, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _runtime.disabled or self._inside.get():
            return self._method(*args, **kwargs)
        return self._learning.of(self._estimator)(*args, **kwargs)

    def __reduce__(self) -> Any:
        return _method_of_class, (self._estimator, self._name)


class Learning:
    """The observed form of a method, with what its estimator has learnt until now: it may be fitted any time."""

    def __init__(self, method: Any, options: Options, dressed: Callable[[Any], Any] = lambda method: method) -> None:
        """Observe a method, or a method as its class has it, in the form that calls of it shall take."""
        self._method, self._options, self._dressed = method, options, dressed
        self._learnt: tuple[Any, ...] | None = None

    def of(self, estimator: Any) -> Any:
        """The method as it is observed; the bare one where what the estimator has learnt cannot be read."""
        try:
            return self._current(estimator)
        except BaseException as error:
            swallowed(f"what {type(estimator).__name__} has learnt could not be read", error)
            return self._method

    def _current(self, estimator: Any) -> Any:
        learnt = tuple(getattr(estimator, attribute, None) for attribute in _LEARNT.values())
        if self._learnt is None or not all(map(_same, learnt, self._learnt)):
            observer = Observer(_with(self._options, learnt), self._method, _task_of(estimator))
            self._observed = wrapper_of(self._method)(self._dressed(self._method), observer)
            self._learnt = learnt
        return self._observed


def _same(new: Any, old: Any) -> bool:
    """Whether it is what was learnt before; some estimators make it anew whenever they are asked."""
    return new is old or (new is not None and old is not None and _scalars(new) == _scalars(old) is not None)


_LEARNT = {"classes": "classes_", "feature_names": "feature_names_in_"}
"""Options, and the attributes of a fitted scikit-learn estimator that tell them."""


def _with(options: Options, learnt: tuple[Any, ...]) -> Options:
    """The options, completed by what the estimator has learnt; what the caller said stays."""
    told: dict[str, Any] = {
        name: found
        for name, known in zip(_LEARNT, learnt, strict=True)
        if getattr(options, name) is None and (found := _scalars(known)) is not None
    }
    return dataclasses.replace(options, **told)


def _scalars(known: Any) -> list[Any] | None:
    """Plain scalars in a list; None for all else, such as the classes of each output of several."""
    if known is None or getattr(known, "ndim", 1) != 1:
        return None
    found = [each.item() if getattr(each, "ndim", None) == 0 else each for each in known]
    return found if all(isinstance(each, (str, bool, int, float)) for each in found) else None


def _task_of(estimator: Any) -> str:
    """What an estimator of scikit-learn, or one that follows it, says that it does; '' where it does not."""
    base = loaded("sklearn.base")
    if base is None:
        return ""
    with attempt():
        if getattr(estimator, "multilabel_", False):
            return MULTILABEL
        return CLASSIFICATION if base.is_classifier(estimator) else REGRESSION if base.is_regressor(estimator) else ""
    return ""  # an object that is none of its estimators


def _method_of_class(estimator: Any, name: str) -> Any:
    """What the class says that the method is."""
    return getattr(type(estimator), name).__get__(estimator)

"""The decorator: sync and async functions, generators of both kinds, methods, callables, partials."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from modelspan import _runtime, conventions
from modelspan._generators import wrap_async_generator, wrap_generator
from modelspan._kinds import like, unwrapped
from modelspan._observer import Extractor, Observer, Options
from modelspan._redact import Rule

P = ParamSpec("P")
R = TypeVar("R")


def observe(
    model: str,
    version: str | Extractor = "",
    *,
    role: str = conventions.ROLE_PRIMARY,
    classes: Sequence[Any] | None = None,
    task: str = "",
    feature_names: Sequence[str] | None = None,
    features: Extractor | None = None,
    prediction: Extractor | None = None,
    score: Extractor | None = None,
    prediction_id: Extractor | None = None,
    tags: Extractor | Mapping[str, object] | None = None,
    redact: Mapping[str, Rule] | None = None,
    allow_features: Sequence[str] | None = None,
    span_features: bool | Sequence[str] | None = None,
    sample_rate: float | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make every call of a predict function visible: a span, metrics, and a record of features and prediction.

    The function keeps its signature, result, exceptions and speed. The input is found among the arguments by its type
    (see `modelspan.capture.inputs`), the output by the rules of `modelspan.capture.outputs`; the extractors override
    both.

    Args:
        model: Name of the model.
        version: Its version, or a function of the call's arguments that tells it (champion and challenger).
        role: `"primary"`, or `"shadow"` for a model whose answers nobody uses.
        classes: The classes, in the order of the scores; of two, the value is the score of the second.
            Whole numbers among them become labels.
        task: `"classification"` or `"regression"`, where results alone do not tell: whole numbers of a classification
            are labels, several numbers of a regression are no class scores. `"multioutput"`, `"multilabel"`,
            `"ranking"`, `"quantile"`, `"detection"` or `"segmentation"` say what answers of several parts are, and
            `"anomaly"` that numbers are anomaly scores. The model's card says it, too.
        feature_names: Names of the columns of matrices and vectors.
        features: From the call's arguments to the features: a row (mapping, record) or a table.
        prediction: From the call's result to the prediction.
        score: From the call's result to the score, or to the scores of the classes.
        prediction_id: From the call's arguments to the caller's own id, or to one for each row.
        tags: Segments and protected attributes that are no features: a mapping, or a function of the call's arguments.
        redact: Rules of names or patterns, over those of `configure`: `"drop"`, `"hash"`, `truncate(n)`.
        allow_features: Only features whose names fit one of these names or patterns leave the process.
        span_features: Whether, or which, features travel on spans.
        sample_rate: Share of calls whose records are kept; each kept one weighs `1 / sample_rate`.

    Raises:
        ValueError: An option cannot mean anything; never at a call.
    """
    options = Options(
        model=model,
        version=version,
        role=role,
        classes=classes,
        task=task,
        feature_names=feature_names,
        features=features,
        prediction=prediction,
        score=score,
        prediction_id=prediction_id,
        tags=tags,
        redact=redact,
        allow_features=allow_features,
        span_features=span_features,
        sample_rate=sample_rate,
    )

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        observed: Callable[P, R] = wrap(function, options)
        _runtime.watch_an_import()
        return observed

    return decorate


def wrap(function: Any, options: Options) -> Any:
    """Any kind of callable, observed; a class method or static method stays one."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(wrap(function.__func__, options))
    return wrapper_of(function)(function, Observer(options, function))


def wrapper_of(function: Any) -> Callable[[Any, Observer], Any]:
    """What wraps callables of the function's kind: sync, async, or a generator of either."""
    bare = unwrapped(function)
    if inspect.isasyncgenfunction(bare):
        return wrap_async_generator
    if inspect.isgeneratorfunction(bare):
        return wrap_generator
    return _wrap_async if inspect.iscoroutinefunction(bare) else _wrap_sync


def _wrap_sync(function: Any, observer: Observer) -> Any:
    begin, end, fail = observer.begin, observer.end, observer.fail

    @like(function)
    def observed(*args: Any, **kwargs: Any) -> Any:
        if _runtime.disabled:
            return function(*args, **kwargs)
        call = begin(args, kwargs)
        if call is None:
            return function(*args, **kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            fail(call, error)
            raise
        end(call, result)
        return result

    return observed


def _wrap_async(function: Any, observer: Observer) -> Any:
    begin, end, fail = observer.begin, observer.end, observer.fail

    @like(function)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        if _runtime.disabled:
            return await function(*args, **kwargs)
        call = begin(args, kwargs)
        if call is None:
            return await function(*args, **kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            fail(call, error)
            raise
        end(call, result)
        return result

    return observed

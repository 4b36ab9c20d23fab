"""Follows the calls of one predict function: what `observe`, `instrument` and `prediction` have in common.

`begin` before the call, `end` or `fail` after it. None of them raises, whatever the arguments, the extractors, the
providers or the buffers do: each step is guarded by itself, so that one that fails costs no more than what it would
have captured.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter, time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import attach, detach

from modelspan import _identity, _runtime, conventions
from modelspan._context import LATEST, TAGS, Identity, as_tags, within
from modelspan._failsafe import attempt, guard, swallowed
from modelspan._redact import Redaction, Rule
from modelspan._settings import sample_rate as checked_rate
from modelspan._settings import span_features
from modelspan.capture import batches, outputs
from modelspan.capture.batches import UntoldError
from modelspan.capture.inputs import Arguments, Row, read, texts_as_rows
from modelspan.capture.scalars import class_name
from modelspan.capture.tables import Table
from modelspan.capture.texts import id_of, ids_of
from modelspan.capture.values import UnfitError, clean
from modelspan.records.call import Call, Stream
from modelspan.records.card import Card
from modelspan.telemetry.spans import SpanFeatures, describe

Extractor = Callable[..., Any]

ALREADY_READ = object()
"""Stands for a result that was taken from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a caller may say about the calls of one function (see `observe`)."""

    model: str
    version: str | Extractor = ""
    role: str = conventions.ROLE_PRIMARY
    classes: Sequence[Any] | None = None
    task: str = ""
    feature_names: Sequence[str] | None = None
    features: Extractor | None = None
    prediction: Extractor | None = None
    score: Extractor | None = None
    prediction_id: Extractor | None = None
    tags: Extractor | Mapping[str, object] | None = None
    redact: Mapping[str, Rule] | None = None
    allow_features: Sequence[str] | None = None
    span_features: bool | Sequence[str] | None = None
    sample_rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot mean anything, where the function is decorated.

        Raises:
            ValueError: The name, the role, the task, a rule or the rate is none.
        """
        object.__setattr__(self, "model", model_name(self.model))
        if not callable(self.version):
            object.__setattr__(self, "version", version_name(self.version))
        if self.task and self.task not in outputs.TASKS:
            raise ValueError(f"task is {self.task!r}; expected one of {', '.join(map(repr, outputs.TASKS))}")
        if self.role not in conventions.ROLES:
            raise ValueError(f"role is {self.role!r}; expected one of {', '.join(map(repr, conventions.ROLES))}")
        if self.sample_rate is not None:
            checked_rate(self.sample_rate)
        Redaction(self.redact, key=b"any")


def model_name(model: Any) -> str:
    """The name of a model as text.

    Raises:
        ValueError: It has none.
    """
    name = (
        "" if model is None or model != model else clean(class_name(model)).strip()
    )  # NaN is what pandas has for none
    if not name:
        raise ValueError(f"model is {model!r}; expected a name, such as 'churn'")
    return name


def version_name(version: Any) -> str:
    """A version as text, whatever registries count in; none is ''."""
    return "" if version is None else clean(class_name(version))


_BOUND = {"redaction", "tag_redaction", "_span_features", "_rate", "weight", "_tracer", "_runtime"}
"""Attributes of an observer that follow from the configuration of its process."""


class Observer:
    """Follows the calls of one function."""

    def __init__(self, options: Options, function: Callable[..., Any] | None = None, task: str = "") -> None:
        """Follow calls by the options; the task is what the object itself says, where they do not."""
        self.options = options
        classes = None if options.classes is None else list(options.classes)
        self.told = outputs.Told(classes, options.task or task, set())
        self._class_names = [class_name(each) for each in self.told.classes or ()]
        self._arguments = Arguments(function, options.feature_names) if function is not None else None
        self._span_name = f"{conventions.SPAN_NAME_PREFIX}{options.model}"
        self._streams: dict[str, tuple[Stream, dict[str, str]]] = {}
        self._static_tags = as_tags(options.tags) if isinstance(options.tags, Mapping) else {}
        self._runtime: _runtime.Runtime | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy in another process starts with: nothing of this one's configuration, which has locks."""
        return {name: value for name, value in vars(self).items() if name not in _BOUND} | {"_runtime": None}

    def _bind(self, runtime: _runtime.Runtime) -> None:
        """Work out what depends on the configuration (see `_BOUND`)."""
        settings, options = runtime.settings, self.options
        rules = {**settings.redact, **(options.redact or {})}
        allowed = options.allow_features if options.allow_features is not None else settings.allow_features
        self.redaction = Redaction(rules, allowed, settings.max_string_length, settings.redact_key)
        self.tag_redaction = Redaction(rules, None, settings.max_string_length, settings.redact_key)
        choice = settings.span_features if options.span_features is None else span_features(options.span_features)
        self._span_features = SpanFeatures(choice, self.redaction, settings.max_string_length)
        rate = settings.sample_rate if options.sample_rate is None else options.sample_rate
        self._rate = rate
        self.weight = 1.0 / rate if rate else 1.0
        self._tracer = _tracer()
        self._streams = {}
        self._runtime = runtime

    # --- a call ----------------------------------------------------------------------------------------

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call | None:
        """Open a call with the function's arguments; None where that was not possible."""
        call = self.open(args, kwargs)
        if call is not None:
            try:
                self._read_input(call, args, kwargs)
            except UnfitError as error:
                swallowed(f"the input of model {self.options.model!r} is left out in part ({error})")
            except BaseException as error:
                swallowed(f"the input of model {self.options.model!r} could not be captured", error)
            self.enter(call)
        return call

    def open(self, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Call | None:
        """A call that has an identity and nothing else yet."""
        try:
            runtime = _runtime.current()
            if runtime is not self._runtime:
                self._bind(runtime)
            version = self.options.version
            stream = self._stream(version if isinstance(version, str) else self._version(version, args, kwargs or {}))
            call = Call(self, stream[0], time_ns(), runtime.number())
            call.tags = {**TAGS.get(), **self._static_tags} if self._static_tags else TAGS.get()
            call.kept = self._rate >= 1.0 or random.random() < self._rate  # noqa: S311
            return call
        except BaseException as error:
            swallowed(f"a call of model {self.options.model!r} could not be followed", error)
            return None

    def _stream(self, version: str) -> tuple[Stream, dict[str, str]]:
        known = self._streams.get(version)
        if known is None:
            stream = Stream(self.options.model, version, self.options.role)
            known = stream, {conventions.MODEL_NAME: stream.model, conventions.MODEL_VERSION: version}
            if stream.role != conventions.ROLE_PRIMARY:
                known[1][conventions.MODEL_ROLE] = stream.role
            if len(self._streams) < 1000:
                self._streams[version] = known
                if task := self.options.task or (self.told.task if self.told.task in conventions.SHAPES else ""):
                    _runtime.current().pipeline.declare(Card(stream, task=task, classes=self._class_names))
        return known

    def _version(self, version: Extractor, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        try:
            return version_name(version(*args, **kwargs))
        except BaseException as error:
            swallowed(f"the version of model {self.options.model!r} could not be told", error)
            return ""

    def _read_input(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        options = self.options
        if options.features is not None:
            self.set_features(call, options.features(*args, **kwargs))
        elif self._arguments is not None:
            self._keep(call, self._arguments.read(args, kwargs))
        if options.prediction_id is not None:
            self.set_ids(call, options.prediction_id(*args, **kwargs))
        if callable(options.tags):
            call.tags = {**call.tags, **as_tags(options.tags(*args, **kwargs))}

    def set_features(self, call: Call, features: Any) -> None:
        """Take the features, of one row or of a table."""
        names = self.options.feature_names
        self._keep(call, read(features, list(names) if names is not None else None))

    def _keep(self, call: Call, found: Row | Table | None) -> None:
        if isinstance(found, Table):
            call.table = found
        elif found is not None:
            call.names, call.values, call.floats, call.left_out = found

    def set_ids(self, call: Call, ids: Any) -> None:
        """Take the caller's ids: one, or one for each row; where one is missing, it is generated."""
        if ids is None:
            return
        if call.table is None:
            told = id_of(ids)
            if told is None and not isinstance(ids, (float, str)):  # NaN and '' are ids that are not there
                swallowed(f"a prediction id of type {type(ids).__name__} has no text, and one is made in its place")
            call.ids = told and self.redaction.cut(told)
            return
        column = ids_of(ids if hasattr(ids, "__len__") and not isinstance(ids, (str, bytes)) else [ids])
        if len(column) != call.table.rows:
            raise UnfitError(f"the table has {call.table.rows} rows and {len(column)} prediction ids were given")
        call.ids = _identity.completed(self.redaction.bounded(column), call.time_ns, call.number)

    def enter(self, call: Call) -> None:
        """Open the span and make it current; from here the call's time counts."""
        try:
            call.span = span = self._tracer.start_span(self._span_name, attributes=self._stream(call.stream.version)[1])
            call.context = span.get_span_context()
            call.token = attach(within(span))
        except BaseException as error:
            swallowed("a span could not be started", error)
        LATEST.set(Identity(call.time_ns, call.number, call.ids, call.rows))
        call.started = perf_counter()

    def end(self, call: Call, result: Any) -> None:
        """Close a call that returned."""
        call.duration = perf_counter() - call.started
        self.leave(call)
        try:
            if result is not ALREADY_READ:
                self._read_output(call, result)
        except UntoldError as error:
            swallowed(f"the output of model {self.options.model!r} is left out ({error}); prediction= takes its parts")
        except BaseException as error:
            swallowed(f"the output of model {self.options.model!r} could not be captured", error)
        self.close(call)

    def fail(self, call: Call, error: BaseException) -> None:
        """Close a call that raised."""
        call.duration = perf_counter() - call.started
        kind = type(error)
        call.error_type = (
            kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        )
        self.leave(call)
        self.close(call)

    def leave(self, call: Call) -> None:
        """Make what was current before current again."""
        if call.token is not None:
            try:
                detach(call.token)
            except BaseException as error:
                swallowed("a span could not be left", error)
            call.token = None

    def _read_output(self, call: Call, result: Any) -> None:
        options = self.options
        told = result if options.prediction is None else options.prediction(result)
        if type(told) is not float and _comes_later(told):
            swallowed(
                f"an output of model {options.model!r}, of type {type(told).__name__}, is not there yet when the call "
                "returns it, and is not recorded: observe the async or generator function itself, beneath what wraps it"
            )
            return
        if call.table is None and type(told) is not float and call.names and call.ids is None:
            call.table = texts_as_rows(call.names, call.values, told)
        if call.table is not None:
            call.outputs = batches.snapshot(told, call.table.rows, self.told)
        elif type(told) is float:
            call.result = told
        else:
            call.result = outputs.read(told, self.told)
            answer = call.result.answer
            if answer is not None and answer.shape == conventions.UNTOLD:
                swallowed(
                    f"nothing says what it is that model {options.model!r} returns, a {type(told).__name__}: it is "
                    f"kept, and nothing is measured of it; task= says it; {_way_out(told)}"
                )
            elif call.result is outputs.NOTHING and told is not None:
                swallowed(
                    f"an output of model {options.model!r}, of type {type(told).__name__}, has no place in a record; "
                    f"{_way_out(told)}"
                )
        if options.score is not None:
            self._add_score(call, options.score(result))

    def _add_score(self, call: Call, score: Any) -> None:
        """What the extractor of scores returned goes over what the prediction says of them."""
        if call.table is not None and call.outputs is not None:
            call.outputs = batches.with_score(call.outputs, batches.snapshot(score, call.table.rows, self.told))
        else:
            told = call.result if isinstance(call.result, outputs.Output) else outputs.Output(value=call.result)
            call.result = outputs.with_score(told, outputs.read(score, self.told))

    def close(self, call: Call) -> None:
        """Tell the span and hand the call to the pipeline."""
        LATEST.set(Identity(call.time_ns, call.number, call.ids, call.rows))
        span = call.span
        if span is not None:
            call.span = None
            try:
                if span.is_recording():
                    assert self._runtime is not None
                    describe(span, call, self._span_features, self._runtime.settings.max_string_length)
            except BaseException as error:
                swallowed("a span could not be described", error)
                with attempt():  # the record accounts for the call: without a word of it, the span would once more
                    span.set_attribute(conventions.RECORDED, True)
            try:
                span.end()
            except BaseException as error:
                swallowed("a span could not be ended", error)
        try:
            pipeline = _runtime.current().pipeline
            pipeline.add(call) if call.table is None else pipeline.add_batch(call)
        except BaseException as error:
            swallowed("a prediction record could not be kept", error)


def _comes_later(result: Any) -> bool:
    """Whether it is awaited or iterated after the call, as what a plain function around an async one returns."""
    return any(hasattr(type(result), name) for name in ("__await__", "__next__", "__anext__"))


def _way_out(result: Any) -> str:
    """What to do about a result without a place: several values may be results of several rows."""
    parts = "name its parts with classes= or take them with prediction="
    if isinstance(result, (str, bytes, Mapping)) or not hasattr(result, "__len__") or len(result) < 2:
        return parts
    return (
        f"where its {len(result)} values are a result a row, let features= return the rows as one table (as the only "
        f"argument it is taken so); where they are of one prediction, {parts}"
    )


def _tracer() -> trace.Tracer:
    with guard("a tracer could not be had"):
        return trace.get_tracer("modelspan")
    return trace.NoOpTracer()

"""Whatever fails in telemetry, the function's result, exception and traceback are its own."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import pyarrow  # noqa: F401 - here rather than in a background thread: Python 3.11's ast is not safe for threads
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan

import modelspan
from modelspan import _failsafe, _runtime
from modelspan._observe import wrapper_of
from modelspan._observer import Observer, Options
from modelspan._redact import Redaction
from modelspan.delivery import sender
from modelspan.records.encode import Watcher
from modelspan.telemetry.metrics import Metrics
from modelspan.telemetry.spans import SpanFeatures
from modelspan.testing import Receiver


class FaultError(Exception):
    """Raised by everything here that is made to fail."""


class Hostile:
    """An object of which nothing can be asked."""

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise FaultError

    __repr__ = __str__ = __len__ = __iter__ = __float__ = __eq__ = __bool__ = __array__ = tolist = to_dict = _fail
    __hash__ = object.__hash__


class HostileMapping(dict[str, Any]):
    """A mapping that cannot be read."""

    def values(self) -> Any:
        raise FaultError

    items = keys = __iter__ = values  # type: ignore[assignment]


class HostileText(str):
    """A text that cannot be encoded, measured or cut."""

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        raise FaultError

    def __getitem__(self, key: Any) -> str:
        raise FaultError

    def __len__(self) -> int:
        raise FaultError


class HostileSpan(NonRecordingSpan):
    """A span of a provider that fails at one of its methods."""

    def __init__(self, fault: str) -> None:
        super().__init__(INVALID_SPAN.get_span_context())
        self._fault = fault

    def _maybe(self, name: str) -> None:
        if self._fault == name:
            raise FaultError

    def is_recording(self) -> bool:
        self._maybe("is_recording")
        return True

    def set_attributes(self, attributes: Any) -> None:
        self._maybe("set_attributes")

    def set_status(self, *args: Any) -> None:
        self._maybe("set_status")

    def end(self, end_time: int | None = None) -> None:
        self._maybe("end")

    def get_span_context(self) -> Any:
        self._maybe("get_span_context")
        return super().get_span_context()


class HostileTracer:
    """A tracer of such spans."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    def start_span(self, *args: Any, **kwargs: Any) -> HostileSpan:
        if self._fault == "start_span":
            raise FaultError
        return HostileSpan(self._fault)


class HostilePipeline:
    """A pipeline that keeps nothing."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def __getattr__(self, name: str) -> Any:
        if name in ("add", "add_batch", "add_label", "add_card"):
            raise FaultError
        return getattr(self._own, name)


class HostileRedaction(Redaction):
    """Rules that cannot be applied."""

    def value(self, name: str, value: Any) -> Any:
        raise FaultError

    columns = bounded = cut = removes = change = value  # type: ignore[assignment]


class HostileProvider:
    """A tracer and meter provider that refuses to flush, and whose exporters are gone."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        raise FaultError


class HostileSink:
    """Histograms that cannot be recorded."""

    def record(self, *args: Any) -> None:
        raise FaultError


class HostileConnection:
    """A connection of a sender on which nothing can be sent."""

    def post(self, body: Any) -> Any:
        raise FaultError

    def close(self) -> None:
        raise FaultError


def broken(hook: str, monkeypatch: pytest.MonkeyPatch, observed: Any) -> None:
    """Put an object that fails in the place of one hook of this process."""
    runtime = _runtime.current()
    if hook == "pipeline":
        monkeypatch.setattr(runtime, "pipeline", HostilePipeline(runtime.pipeline))
    elif hook == "ids":
        monkeypatch.setattr(runtime, "number", failing)
    elif hook == "metrics":
        monkeypatch.setattr(runtime.pipeline, "_metrics", Metrics(HostileSink()))
    elif hook == "record encoder":
        monkeypatch.setattr(runtime.pipeline, "_watcher", Watcher(failing, failing))
    elif hook == "sender":
        monkeypatch.setattr(sender, "connect", lambda *args: HostileConnection())
    elif hook == "redaction":
        observed.redaction = observed.tag_redaction = HostileRedaction()
        observed._span_features = SpanFeatures(True, observed.redaction, 10)
    elif hook == "providers":
        monkeypatch.setattr(trace, "get_tracer_provider", HostileProvider)


HOOKS = ["none", "pipeline", "ids", "metrics", "record encoder", "sender", "redaction", "providers"]


@pytest.mark.parametrize("hook", HOOKS)
def test_broken_hook(hook: str, sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of ours, broken by an object that fails, leaves result, exception and its traceback as they were.

    The only frame that is added is the wrapper's own, at the outer end.
    """
    monkeypatch.setenv("MODELSPAN_FLUSH_INTERVAL", "0.01")
    sdk(endpoint=receiver.endpoint)
    raises: list[BaseException | None] = [None]
    result: list[Any] = [None]

    def user_function(*args: Any, **kwargs: Any) -> Any:
        if raises[0] is not None:
            raise raises[0]
        return result[0]

    options = Options("m", "1", tags={"t": "x"}, redact={"b": "drop"}, span_features=True)
    observer = Observer(options, user_function)
    observer._bind(_runtime.current())
    observed = wrapper_of(user_function)(user_function, observer)
    broken(hook, monkeypatch, observer)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        args=st.lists(VALUES, max_size=2),
        table=st.booleans(),
        returned=VALUES,
        raised=st.sampled_from([None, ValueError, KeyboardInterrupt, FaultError]),
    )
    def check(args: list[Any], table: bool, returned: Any, raised: type[BaseException] | None) -> None:
        raises[0] = raised("own") if raised is not None else None
        result[0] = returned
        given_rows = [{"age": 1.0, "b": "x"}, {"age": 2.0, "b": "y"}] if table else {"age": 1.0, "b": "x"}
        kind, told, _ = outcome(lambda: observed(given_rows, *args))
        if raises[0] is None:
            assert kind == "returned" and told is returned
            return
        assert kind == "raised" and told is raises[0]
        assert told.__cause__ is None and told.__context__ is None
        frames = [frame.name for frame in traceback.extract_tb(told.__traceback__)]
        assert [name for name in frames if name not in ("outcome", "<lambda>")] == ["observed", "user_function"]

    check()
    modelspan.label("id", 1.0)
    modelspan.flush(1)


def test_broken_hooks_fail(sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken parts of the test above are reached: their failures are counted, and so are the rows lost by them."""
    for hook in HOOKS[1:-1]:
        with monkeypatch.context() as patch:
            sdk(endpoint=receiver.endpoint)
            _failsafe.failures.clear()
            observer = Observer(Options("m", tags={"t": "x"}), failing)
            observer._bind(_runtime.current())
            broken(hook, patch, observer)
            wrapper_of(len)(len, observer)({"age": 1.0})
            modelspan.flush(1)
            assert _failsafe.failures, hook


def failing(*args: Any, **kwargs: Any) -> Any:
    raise FaultError


SPAN_FAULTS = ["", "start_span", "is_recording", "set_attributes", "set_status", "end", "get_span_context"]
EXTRACTORS = st.sets(st.sampled_from(["features", "prediction", "score", "prediction_id", "tags", "version"]))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=5),
    st.characters(categories=["Cs"]),
)
HOSTILE = st.builds(Hostile) | st.builds(HostileMapping, st.just({"a": 1})) | st.builds(HostileText, st.text())
VALUES = st.recursive(
    SCALARS | HOSTILE | st.complex_numbers() | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def own_frames(error: BaseException) -> list[tuple[int, str]]:
    """The part of a traceback that belongs to this file's functions under test."""
    frames = traceback.extract_tb(error.__traceback__)
    return [(frame.lineno or 0, frame.name) for frame in frames if frame.name in ("user_function", "inner")]


def outcome(function: Callable[[], Any]) -> tuple[str, Any, Any]:
    try:
        return "returned", function(), None
    except BaseException as error:
        return "raised", error, own_frames(error)


def same(left: tuple[str, Any, Any], right: tuple[str, Any, Any]) -> bool:
    return left[0] == right[0] and left[1] is right[1] and left[2] == right[2]


@pytest.mark.parametrize("kind", ["sync", "async", "generator", "async generator", "block"])
def test_function_is_unchanged(
    kind: str, sdk: Callable[..., None], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random input, results, exceptions and faults in every hook leave result, exception and traceback as they were."""
    sdk(endpoint=receiver.endpoint)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        args=st.lists(VALUES, max_size=3),
        kwargs=st.dictionaries(st.sampled_from(["age", "city"]), VALUES, max_size=2),
        result=VALUES,
        raises=st.sampled_from([None, ValueError("bad"), KeyError("a"), KeyboardInterrupt(), FaultError()]),
        faults=EXTRACTORS,
        span_fault=st.sampled_from(SPAN_FAULTS),
    )
    def check(
        args: list[Any], kwargs: dict[str, Any], result: Any, raises: Any, faults: set[str], span_fault: str
    ) -> None:
        monkeypatch.setattr(trace, "get_tracer", lambda *a, **k: HostileTracer(span_fault))

        def inner() -> Any:
            if raises is not None:
                raises.__traceback__ = None
                raise raises
            return result

        plain, observed = make(kind, inner, dict.fromkeys(faults, failing))
        assert same(outcome(lambda: plain(*args, **kwargs)), outcome(lambda: observed(*args, **kwargs)))

    check()
    modelspan.flush(5)


def make(
    kind: str, inner: Callable[[], Any], extractors: dict[str, Any]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A function of a kind, and the same one observed, both called as a plain function."""
    observe = modelspan.observe(model="m", **extractors)
    if kind == "sync":

        def user_function(*args: Any, **kwargs: Any) -> Any:
            return inner()

        return user_function, observe(user_function)
    if kind == "async":

        async def user_function(*args: Any, **kwargs: Any) -> Any:
            return inner()

        return driven(user_function), driven(observe(user_function))
    if kind == "generator":

        def user_function(*args: Any, **kwargs: Any) -> Any:
            yield inner()

        return consumed(user_function), consumed(observe(user_function))
    if kind == "async generator":

        async def user_function(*args: Any, **kwargs: Any) -> Any:
            yield inner()

        return driven(async_consumed(user_function)), driven(async_consumed(observe(user_function)))

    def user_function(*args: Any, **kwargs: Any) -> Any:
        return inner()

    def in_block(*args: Any, **kwargs: Any) -> Any:
        with modelspan.prediction("m", tags={"t": args[0] if args else None}) as p:
            p.features = args[0] if args else kwargs
            p.value = p.label = p.scores = p.attributions = args[-1] if args else None
            return user_function(*args, **kwargs)

    return user_function, in_block


def driven(function: Any) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        coroutine = function(*args, **kwargs)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("a coroutine that awaits nothing has ended")

    return call


def consumed(function: Any) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return next(iter(function(*args, **kwargs)))

    return call


def async_consumed(function: Any) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        items = [item async for item in function(*args, **kwargs)]
        return items[0]

    return call


def test_labels_cards_and_tags_never_raise(sdk: Callable[..., None], receiver: Receiver) -> None:
    """The other entry points swallow what they cannot use."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label(Hostile(), Hostile())
    modelspan.label(["a", "b"], [1.0])
    modelspan.register("m", hyperparameters={"a": Hostile()}, classes=[Hostile()])
    with modelspan.tags(a=Hostile(), b="kept"):
        pass
    modelspan.label("good", 1.0)
    assert modelspan.flush(5)
    assert [row["prediction_id"] for row in receiver.labels()] == ["good"]


def test_generator_protocol(sdk: Callable[..., None], receiver: Receiver) -> None:
    """`send`, `throw`, `close` and the return value of a generator pass through the observer."""
    sdk(endpoint=receiver.endpoint)
    seen: list[Any] = []

    @modelspan.observe(model="m")
    def stream(age: int) -> Any:
        try:
            try:
                seen.append((yield 1.0))
            except ValueError as error:
                seen.append(str(error))
                seen.append((yield 2.0))
            return "end"
        finally:
            seen.append("closed")

    generator = stream(3)
    assert next(generator) == 1.0
    assert generator.throw(ValueError("thrown")) == 2.0
    with pytest.raises(StopIteration) as stop:
        generator.send("sent")
    assert (stop.value.value, seen) == ("end", ["thrown", "sent", "closed"])
    early = stream(3)
    next(early)
    early.close()
    assert seen[-1] == "closed"
    modelspan.flush(5)
    assert [row["value"] for row in receiver.predictions()] == [2.0, 1.0]


def test_async_generator_protocol(sdk: Callable[..., None], receiver: Receiver) -> None:
    """An async generator that is closed early runs its clean-up, and is one record."""
    sdk(endpoint=receiver.endpoint)
    seen: list[str] = []

    @modelspan.observe(model="m")
    async def stream(age: int) -> Any:
        try:
            yield 1.0
            yield 2.0
        finally:
            seen.append("closed")

    async def use() -> None:
        generator = stream(3)
        assert await anext(generator) == 1.0
        await generator.aclose()

    asyncio.run(use())
    modelspan.flush(5)
    assert seen == ["closed"]
    assert [row["value"] for row in receiver.predictions()] == [1.0]

"""Predict functions that stream: generators and async generators, observed without changing how they are driven.

A call lasts from the first `next` to the end of the stream. The span is current only while the generator itself runs,
not while its consumer does. The prediction is the last item, or what the `prediction` extractor makes of it.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from opentelemetry.context import attach, detach

from modelspan import _runtime
from modelspan._context import within
from modelspan._failsafe import swallowed
from modelspan._kinds import like
from modelspan._observer import Observer
from modelspan.records.call import Call


def wrap_generator(function: Any, observer: Observer) -> Any:
    """A generator function, observed."""

    @like(function)
    def observed(*args: Any, **kwargs: Any) -> Any:
        if _runtime.disabled:
            return (yield from function(*args, **kwargs))
        stream = _Stream(observer, args, kwargs)
        generator = function(*args, **kwargs)
        step, sent = generator.send, None
        while True:
            token = stream.enter()
            try:
                item = step(sent)
            except StopIteration as stop:
                stream.leave(token)
                stream.ended()
                return stop.value
            except BaseException as error:
                stream.leave(token)
                stream.failed(error)
                raise
            stream.leave(token)
            stream.item(item)
            try:
                sent = yield item
                step = generator.send
            except GeneratorExit:
                generator.close()
                stream.ended()
                raise
            except BaseException as error:  # thrown in by the consumer
                step, sent = generator.throw, error

    return observed


def wrap_async_generator(function: Any, observer: Observer) -> Any:
    """An async generator function, observed."""

    @like(function)
    async def observed(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        stream = None if _runtime.disabled else _Stream(observer, args, kwargs)
        step, sent = generator.asend, None
        while True:
            token = stream.enter() if stream else None
            try:
                item = await step(sent)
            except StopAsyncIteration:
                if stream:
                    stream.leave(token)
                    stream.ended()
                return
            except BaseException as error:
                if stream:
                    stream.leave(token)
                    stream.failed(error)
                raise
            if stream:
                stream.leave(token)
                stream.item(item)
            try:
                sent = yield item
                step = generator.asend
            except GeneratorExit:
                await generator.aclose()
                if stream:
                    stream.ended()
                raise
            except BaseException as error:
                step, sent = generator.athrow, error

    return observed


class _Stream:
    """One call that yields."""

    def __init__(self, observer: Observer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._observer = observer
        self._last: Any = None
        self._call: Call | None = observer.begin(args, kwargs)
        if self._call is not None:
            observer.leave(self._call)

    def enter(self) -> Any:
        """Make the span current for one step."""
        if self._call is None or self._call.span is None:
            return None
        try:
            return attach(within(self._call.span))
        except BaseException as error:
            swallowed("a span could not be entered", error)
            return None

    def leave(self, token: Any) -> None:
        if token is not None:
            try:
                detach(token)
            except BaseException as error:
                swallowed("a span could not be left", error)

    def item(self, item: Any) -> None:
        """An item was yielded: the first tells how long the consumer waited."""
        self._last = item
        call = self._call
        if call is not None and call.first_item is None:
            call.first_item = perf_counter() - call.started

    def ended(self) -> None:
        if self._call is not None:
            self._observer.end(self._call, self._last)

    def failed(self, error: BaseException) -> None:
        if self._call is not None:
            self._observer.fail(self._call, error)

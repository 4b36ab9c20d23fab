"""For the tests of faults: objects that fail whatever is asked of them, functions of every kind, and how they end."""

from __future__ import annotations

import datetime
import decimal
import traceback
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from hypothesis import strategies as st

import modelspan


class FaultError(Exception):
    """Raised by everything here that is made to fail."""


class RudeError(BaseException):
    """Raised by objects that are read, as the panics of libraries in Rust are: it is no `Exception`."""


def failing(*args: Any, **kwargs: Any) -> Any:
    raise FaultError


def rude(*args: Any, **kwargs: Any) -> Any:
    raise RudeError


class Hostile:
    """An object of which nothing can be asked."""

    __repr__ = __str__ = __len__ = __iter__ = __float__ = __eq__ = __bool__ = __array__ = tolist = to_dict = failing
    __hash__ = object.__hash__


class RudeHostile:
    """Another one, whose errors are no `Exception`."""

    __repr__ = __str__ = __len__ = __iter__ = __float__ = __eq__ = __bool__ = __array__ = tolist = to_dict = rude
    __hash__ = object.__hash__
    model_fields: ClassVar = {"age": None}
    age = property(rude)


class HostileMapping(dict[str, Any]):
    """A mapping that cannot be read."""

    items = keys = values = __iter__ = failing


class HostileText(str):
    """A text that cannot be encoded, measured or cut."""

    encode = __getitem__ = __len__ = failing  # type: ignore[assignment]


class HostileZone(datetime.tzinfo):
    """A time zone that nobody knows: its instants look plain until they are encoded, in the background."""

    utcoffset = dst = tzname = failing


UNENCODABLE = st.builds(lambda: datetime.datetime(2026, 1, 1, tzinfo=HostileZone())) | st.sampled_from(
    [decimal.Decimal("sNaN"), 10**400]
)
HOSTILE = st.one_of(
    st.builds(Hostile),
    st.builds(RudeHostile),
    st.builds(HostileMapping, st.just({"a": 1})),
    st.builds(HostileText, st.text()),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=5),
    st.characters(categories=["Cs"]),
)
VALUES = st.recursive(
    SCALARS | UNENCODABLE | HOSTILE | st.complex_numbers() | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries({"age": st.floats() | UNENCODABLE, "city": st.text() | VALUES})
KINDS = ["sync", "async", "generator", "async generator", "block"]
EXTRACTORS = st.sets(st.sampled_from(["features", "prediction", "score", "prediction_id", "tags", "version"]))


class Outcome(NamedTuple):
    """How a call of the user's function ended."""

    result: Any
    error: BaseException | None
    frames: list[tuple[str, int | None]]
    """Of the traceback, without those of the observer."""

    def is_that_of(self, other: Outcome) -> bool:
        """Whether result or exception are the very objects, and the traceback is the same."""
        return self.result is other.result and self.error is other.error and self.frames == other.frames


def outcome(function: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(function(), None, [])
    except BaseException as error:
        assert error.__cause__ is None and error.__context__ is None
        frames = traceback.extract_tb(error.__traceback__)[1:]
        own = [
            each
            for each in frames
            if "/sdk/modelspan/" not in each.filename and each.name not in ("in_block", "<lambda>")
        ]
        error.__traceback__ = None
        return Outcome(None, error, [(each.name, each.lineno) for each in own])


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

    return lambda *args, **kwargs: user_function(*args, **kwargs), in_block


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
    return lambda *args, **kwargs: next(iter(function(*args, **kwargs)))


def async_consumed(function: Any) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        items = [item async for item in function(*args, **kwargs)]
        return items[0]

    return call

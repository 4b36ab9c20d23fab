"""What surrounds a call: the tags of the block of work, and the identity of the latest prediction."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from opentelemetry.context import Context, get_value, set_value
from opentelemetry.trace import Span, set_span_in_context

from modelspan import _identity
from modelspan._failsafe import swallowed
from modelspan.capture.values import clean


class Identity(NamedTuple):
    """Of the latest call: what its prediction ids are made of."""

    time_ns: int
    number: int
    ids: Any
    """The caller's own: a text, or an Arrow column."""
    rows: int


NO_TAGS: Mapping[str, str] = {}

_OBSERVED = "modelspan.observed"
followed = False
"""Whether libraries are followed without code (`modelspan.follow`): only they ask what they are called from."""


def within(span: Span | None = None) -> Context:
    """The context of a call that is observed, or of work that is no prediction: what is followed says nothing in it."""
    context = set_span_in_context(span) if span is not None else None
    return set_value(_OBSERVED, True, context) if followed or context is None else context


def is_within() -> bool:
    """Whether this is called from an observed call, or from work that is no prediction."""
    return bool(get_value(_OBSERVED))


TAGS: ContextVar[Mapping[str, str]] = ContextVar("modelspan.tags", default=NO_TAGS)
LATEST: ContextVar[Identity | None] = ContextVar("modelspan.latest", default=None)


@contextmanager
def tags(**values: object) -> Iterator[None]:
    """Add tags to every prediction made in the block: segments or protected attributes that are no features.

    A tag of None is left out. Tags of an inner block win over those of an outer one, and pass into coroutines that
    the block awaits and tasks that it starts.
    """
    token = TAGS.set({**TAGS.get(), **as_tags(values)})
    try:
        yield
    finally:
        TAGS.reset(token)


def as_tags(values: Mapping[str, object] | None) -> dict[str, str]:
    """Tags as texts; those that have none are named in a warning and left out."""
    texts = {clean(str(name)): _text(name, value) for name, value in (values or {}).items()}
    return {name: text for name, text in texts.items() if text is not None}


def _text(name: object, value: object) -> str | None:
    try:
        plain = getattr(value, "value", value) if isinstance(value, enum.Enum) else value
        if not isinstance(plain, (str, bytes)) and hasattr(type(plain), "__len__"):
            swallowed(
                f"the tag {str(name)[:80]!r} is a {type(plain).__name__} and is left out: a tag is one text for all "
                "rows of a call, and what differs from row to row is a feature"
            )
            return None
        return str(plain).lower() if isinstance(plain, bool) else None if plain is None else clean(str(plain))
    except BaseException as error:
        swallowed("a tag has no text", error)
        return None


def prediction_id() -> str | None:
    """The id of the prediction being made, or else of the latest in this context; of a batch, its first row's.

    Return it to the client, so that the outcome can be joined to the prediction when it becomes known (see `label`).
    None before the first prediction, and where modelspan is disabled.
    """
    latest = LATEST.get()
    if latest is None:
        return None
    return _id(latest, 0)


def prediction_ids() -> list[str]:
    """The ids of all rows of the latest call in this context, in the order of the rows."""
    latest = LATEST.get()
    if latest is None:
        return []
    if latest.ids is None:
        if latest.rows == 1:
            return [_id(latest, 0)]
        return list(_identity.batch_column(latest.time_ns, latest.number, 0, latest.rows).to_pylist())
    return [latest.ids] if isinstance(latest.ids, str) else list(latest.ids.to_pylist())


def _id(latest: Identity, row: int) -> str:
    if latest.ids is None:
        return _identity.text(latest.time_ns, latest.number, row)
    return latest.ids if isinstance(latest.ids, str) else str(latest.ids[row])

"""A view, or an answer of the interface, as the rules of redaction let it be shown: the one place that all pass.

A record whose `feature` or `facet` is dropped is gone, and with it what is measured of it; of one that is hashed,
values are digests and sentences are withheld. Any other text is masked, and withheld where it speaks of a hidden name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, TypeVar, cast

from modelspan_analyzer.monitors.metrics.targets import SIGNAL as METRICS
from modelspan_analyzer.reading.names import UnknownNameError
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import REDACTED, Veil
from modelspan_analyzer.views.view import NotThereError, View

T = TypeVar("T")
_NAMES: Final = ("feature", "facet")
_OWN_NAMES: Final = (*_NAMES, "title", "model", "version", "signal", "metric", "incident_id")
"""Texts of a record that are its names: of a hashed feature they are shown."""
_SEGMENTS: Final = ("segment", "name")
_FIELDS: Final = frozenset({*_NAMES, "model", "incident_id"})
"""One of which every record of the interface has: the keys of any other mapping are names."""
_KEPT: Final = ("keep", "")
_GONE: Final = object()


class Redactable:
    """A record that stays where what it is about is hidden, without what it says of it."""

    __slots__ = ()

    def redacted(self) -> Any:
        """The record without that."""
        raise NotImplementedError


def veiled(shown: T, veil: Veil) -> T:
    """What of a view or an answer is to be shown.

    Raises:
        NotThereError: nothing of it.
    """
    if not veil.active:
        return shown
    found = _veiled(shown, veil, _KEPT)
    if found is _GONE:
        raise NotThereError(f"what is asked for is not shown: {REDACTED}")
    return cast("T", found)


def check_asked(given: Mapping[str, str], veil: Veil) -> None:
    """Refuse a question after what is hidden: an answer would tell whether a guess is right.

    Raises:
        NotThereError: it is one.
    """
    if veil.hidden.get(given.get("feature", "")) == "drop" or veil.speaks_of_hidden(given.get("segment", "")):
        raise NotThereError(f"what is asked for is not shown: {REDACTED}")


@contextmanager
def names_veiled(veil: Veil) -> Iterator[None]:
    """Within it, an error that lists the names which are there lists none that is hidden."""
    try:
        yield
    except UnknownNameError as error:
        raise UnknownNameError(veil.text(str(error))) from None


def _veiled(value: Any, veil: Veil, within: tuple[str, str]) -> Any:
    """`within`: what is done with the record that it is in, and whose; a part without a name of its own follows."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return veil.text(value)
    if isinstance(value, Query):
        return _query(value, veil)
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value, veil, within)
    if isinstance(value, Mapping):
        return _mapping(value, veil, within)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        action, name = _action(given := value._asdict(), veil, within)
        return _GONE if action == "drop" else type(value)(**_parts(given, action, name, veil, (action, name)))
    if isinstance(value, list | tuple):
        kept = [found for each in value if (found := _veiled(each, veil, within)) is not _GONE]
        return kept if isinstance(value, list) else tuple(kept)
    return value


def _query(query: Query, veil: Veil) -> Any:
    """A query that does not run any more where it is masked; none that names what is hidden."""
    if veil.speaks_of_hidden(query.text):
        return _GONE
    masked = {key: _masked(value, veil) for key, value in query.parameters.items()}
    return Query(veil.masked(query.title), veil.masked(query.sql), masked)


def _masked(value: Any, veil: Veil) -> Any:
    if isinstance(value, list | tuple):
        return [_masked(each, veil) for each in value]
    return veil.masked(value) if isinstance(value, str) else value


def _record(record: Any, veil: Veil, within: tuple[str, str]) -> Any:
    given = {field.name: getattr(record, field.name) for field in fields(record) if field.init}
    action, name = _action(given, veil, within)
    if action == "drop":
        return record.redacted() if isinstance(record, Redactable) else _GONE
    own = _KEPT if isinstance(record, View) else (action, name)
    return replace(record, **_parts(given, action, name, veil, own))


def _mapping(given: Mapping[Any, Any], veil: Veil, within: tuple[str, str]) -> Any:
    action, name = _action(given, veil, within)
    if action == "drop":
        return _GONE
    found = _parts(given, action, name, veil, (action, name))
    if _FIELDS & given.keys():
        return found
    named = {key: veil.value(key, each) if key in veil.hidden else each for key, each in found.items()}
    return {veil.masked(str(key)): each for key, each in named.items() if veil.hidden.get(key) != "drop"}


def _action(given: Mapping[Any, Any], veil: Veil, within: tuple[str, str]) -> tuple[str, str]:
    """What is to be done with a record, and the name for which."""
    if given.get("metric") in veil.metrics and given.get("signal", METRICS) == METRICS:
        return "drop", str(given["metric"])
    for name in (given.get(key) for key in _NAMES):
        for one in (name, *name.split(", ")) if isinstance(name, str) else ():  # a metric may be of several
            if one in veil.hidden:
                return veil.hidden[one], one
    for segment in (given.get(key) for key in _SEGMENTS):
        if isinstance(segment, str) and "=" in segment and veil.speaks_of_hidden(segment):
            return "drop", segment
    return _KEPT if given.keys() & set(_NAMES) else within


def _parts(given: Mapping[Any, Any], action: str, name: str, veil: Veil, within: tuple[str, str]) -> dict[Any, Any]:
    """A record's fields; what of a list is gone is left out, and a field of which nothing is left is None."""
    found = {key: _part(key, value, action, name, veil, within) for key, value in given.items()}
    return {key: None if value is _GONE else value for key, value in found.items()}


def _part(key: Any, value: Any, action: str, name: str, veil: Veil, within: tuple[str, str]) -> Any:
    if action == "hash" and key in ("bins", "bin", "value") and isinstance(value, str | tuple | list):
        return (
            veil.value(name, value) if isinstance(value, str) else type(value)(veil.value(name, each) for each in value)
        )
    if isinstance(value, str) and not isinstance(value, Enum):
        if action == "hash" and key in _OWN_NAMES:
            return veil.masked(value)
        return REDACTED if action == "hash" and " " in value else veil.text(value)
    return _veiled(value, veil, within)

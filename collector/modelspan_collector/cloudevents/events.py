"""CloudEvents 1.0 over HTTP: binary mode, structured mode, and batches (its "HTTP Protocol Binding", section 3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import orjson

from modelspan_collector.otlp.errors import BadRequestError, TooLargeError, UnsupportedError

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
MOST_EVENTS: Final = 10_000
"""Events of one batch."""
_PREFIX: Final = "ce-"


class Event(NamedTuple):
    """One event."""

    attributes: Mapping[str, str]
    """Its context attributes, extensions included, by their names in lower case."""
    data: Any
    """Text, or a value that was JSON in a structured event; None where its bytes are no text."""
    content: str
    """What type of content the data is."""


_NOTHING: Final = Event({}, None, "")
"""What stands for an entry of a batch that is no event: it is left out alone, as one without an id."""


def read(headers: Mapping[str, str], body: bytes) -> list[Event]:
    """The events of a request.

    Raises:
        BadRequestError: it holds none.
        TooLargeError: it holds too many.
    """
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == STRUCTURED:
        return [_structured(_json(body))]
    if kind == BATCH:
        batch = _json(body)
        if not isinstance(batch, list):
            raise BadRequestError("a batch of CloudEvents is a JSON list of events")
        if len(batch) > MOST_EVENTS:
            raise TooLargeError(f"a batch holds at most {MOST_EVENTS} events; send smaller ones")
        return [_structured(each) if isinstance(each, dict) else _NOTHING for each in batch]
    if "ce-specversion" not in headers and "ce-id" not in headers:
        raise UnsupportedError(
            f"this is no CloudEvent: send the headers ce-id and ce-type, or the content type {STRUCTURED} or {BATCH}"
        )
    named = {name.removeprefix(_PREFIX): unquote(text) for name, text in headers.items() if name.startswith(_PREFIX)}
    return [Event(named, _text(body), kind or "application/json")]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError(f"the body is not JSON: {error}") from error


def _structured(event: Any) -> Event:
    if not isinstance(event, dict):
        raise BadRequestError("a CloudEvent in structured mode is a JSON object")
    attributes = {name.lower(): text for name, text in event.items() if isinstance(text, str) and name != "data"}
    data = event.get("data")
    if isinstance(encoded := event.get("data_base64"), str):
        try:
            data = _text(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            data = None
    return Event(attributes, data, attributes.get("datacontenttype", "application/json"))


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None

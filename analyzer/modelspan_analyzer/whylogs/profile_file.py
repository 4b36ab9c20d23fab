"""A profile as whylogs 1.x writes it: which metrics it holds of which column, as numbers and as sketches' bytes.

A file begins with `WHY1`, a header of its segment and one of the profile, which says where each column's metrics begin;
each is a message with its length before it. The messages' fields are those of `whylogs_messages.proto` in
https://github.com/whylabs/whylogs, `proto/src`. Several profiles may stand one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from modelspan_analyzer.whylogs.wire import Value, WireError, delimited, double, entry, fields, nested, number, varint

MAGIC: Final = b"WHY1"
MEDIA_TYPE: Final = "application/vnd.whylogs.profile"
_COLUMN: Final = 2
"""The type of a chunk that is a column's."""
_TAG: Final = "whylogs.tag."
"""Before the name of the column that a segment is of."""
_MAJOR: Final = (0, 1)
"""Versions of the schema that are read; whylogs leaves it at 0."""
_N, _D = 2, 3
_SKETCHES: Final = (4, 5, 6)
"""Fields of a metric's component: a whole number, a fractional one, and those that are sketches."""

Component = int | float | bytes


class ProfileError(ValueError):
    """A file that is no profile, or one that cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class WhylogsProfile:
    """One profile."""

    columns: Mapping[str, Mapping[str, Component]]
    """Of each column the components of its metrics by their paths, such as `counts/n`."""
    segment: Mapping[str, str] = field(default_factory=dict)
    """Columns and values of the segment that it is of; empty where it is of all rows."""


def read_profiles(data: bytes, name: str) -> list[WhylogsProfile]:
    """All profiles of a file.

    Args:
        data: its bytes.
        name: what messages call it.

    Raises:
        ProfileError: it holds none, or is cut off.
    """
    found, at = [], 0
    while at >= 0:
        if data[at : at + len(MAGIC)] != MAGIC:
            raise ProfileError(
                f"{name} is no profile of whylogs 1.x, which begins with {MAGIC.decode()}; one with performance "
                "metrics is written in the form of whylogs 0.x: write it without them"
            )
        try:
            one, end = _read(data, at + len(MAGIC))
        except WireError as error:
            raise ProfileError(f"{name} is cut off or damaged: {error}; write or copy it again") from error
        found.append(one)
        at = data.find(MAGIC, end)  # after the profile of a segment stands a part of its header again
    return found


def _read(data: bytes, at: int) -> tuple[WhylogsProfile, int]:
    segment_header, at = delimited(data, at)
    header, start = delimited(data, at)
    offsets: dict[str, list[int]] = {}
    paths: dict[int, str] = {}
    for place, value in fields(header):
        if place == 1:
            _need_version(nested(value))
        elif place == 2:
            one = entry(value)
            offsets[_text(one.get(1, b""))] = _offsets(nested(one.get(2, b"")))
        elif place == 5:
            one = entry(value)
            paths[number(one.get(1, 0))] = _text(one.get(2, b""))
    columns: dict[str, dict[str, Component]] = {}
    end = start
    for name, places in offsets.items():
        columns[name] = {}
        for offset in places:
            components, upto = _chunk(data, start + offset, name, paths)
            columns[name] |= components
            end = max(end, upto)
    return WhylogsProfile(columns, _segment(segment_header)), end


def _need_version(properties: bytes) -> None:
    major = number(entry(properties).get(1, 0))
    if major not in _MAJOR:
        raise WireError(f"its schema is of version {major}, which this release does not know")


def _text(value: Value) -> str:
    return nested(value).decode("utf-8", "replace")


def _offsets(message: bytes) -> list[int]:
    """Places, packed into one field or each in its own."""
    found = []
    for place, value in fields(message):
        if place != 1:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            offset, at = varint(value, at)
            found.append(offset)
    return found or [0]


def _chunk(data: bytes, at: int, name: str, paths: Mapping[int, str]) -> tuple[dict[str, Component], int]:
    header, at = delimited(data, at)
    told = dict(fields(header))
    kind, size = number(told.get(1, 0)), number(told.get(3, 0))
    if kind != _COLUMN or at + size > len(data):
        raise WireError(f"the metrics of column {name!r} are not where its header says")
    components: dict[str, Component] = {}
    for place, value in fields(data[at : at + size]):
        if place == 1:
            one = entry(value)
            path, component = paths.get(number(one.get(1, 0))), _component(nested(one.get(2, b"")))
            if path is not None and component is not None:
                components[path] = component
    return components, at + size


def _component(message: bytes) -> Component | None:
    """A number, or a sketch; None of what else there may be."""
    for place, value in fields(message):
        if place == _N:
            return number(value)
        if place == _D:
            return double(value)
        if place in _SKETCHES:
            return nested(entry(value).get(1, b""))
    return None


def _segment(header: bytes) -> dict[str, str]:
    tags = {}
    for place, value in fields(header):
        if place == 4:
            for inner, tag in fields(nested(value)):
                if inner == 1:
                    one = entry(tag)
                    tags[_text(one.get(1, b"")).removeprefix(_TAG)] = _text(one.get(2, b""))
    return tags

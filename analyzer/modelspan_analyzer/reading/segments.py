"""Slices of rows: those with one value of a tag or of a categorical feature, such as `tag.country=DE`, and those for
which an expression is true, such as `slice.big=amount > 1000`.

Fairness compares the groups of facets, which are tags or features by name alone: `sex=Female × race=Black`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from modelspan_analyzer.reading.profiles.profile import Relation
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import (
    KINDS,
    NO_GROUP,
    SLICE,
    belongs,
    names_in,
    split_key,
    split_slice,
    value_of,
)

T = TypeVar("T")
MOST_SLICES = 20
"""Values of one key that are looked at, the most frequent first."""

OF_GROUPS = f"NOT match(segment, '^({'|'.join(KINDS)})[.]')"
"""SQL: whether a result's segment is a group of facets, or that of all rows, and not of a slice."""

_CROSS = " × "
_KINDS = tuple(f"{kind}." for kind in KINDS)

_VALUES = """
SELECT value, count() AS n FROM (SELECT {value} AS value FROM {table} WHERE {condition})
GROUP BY value HAVING n >= {{least:UInt64}} ORDER BY n DESC, value LIMIT {{most:UInt32}}
"""

_ROWS = """
SELECT value, count() AS n FROM (SELECT {value} AS value FROM {table} WHERE {condition})
WHERE value IN {{values:Array(String)}} GROUP BY value
"""


def slice_values(store: Store, relation: Relation, key: str, least: int) -> dict[str, int]:
    """The most frequent values of a key that have enough rows, each with how many; none where no row has one."""
    name = split_key(key)[1]
    sql = _VALUES.format(value=value_of(key, "{key:String}"), table=relation.table, condition=relation.condition)
    rows = store.rows(sql, {**relation.parameters, "key": name, "least": least, "most": MOST_SLICES})
    return telling(key, {str(row["value"]): int(row["n"]) for row in rows}, least)


def telling(key: str, sizes: Mapping[str, int], least: int) -> dict[str, int]:
    """Of a key's values with how many rows each has, the most frequent first, those that are looked at."""
    found = slices_among(key, {value: n for value, n in sizes.items() if n >= least})
    return dict(islice(found.items(), MOST_SLICES))


def slices_among(key: str, parts: Mapping[str, T]) -> dict[str, T]:
    """Of what was found by the values of a key that which is of a slice: not where no row has any value, nor the rows
    for which an expression is not true."""
    if key.startswith(f"{SLICE}."):
        return {value: part for value, part in parts.items() if value != NO_GROUP}
    return {} if set(parts) == {NO_GROUP} else dict(parts)


def slice_rows(store: Store, relation: Relation, key: str, values: Sequence[str]) -> dict[str, int]:
    """How many rows of a relation have each of these values of a key; values without any are absent."""
    name = split_key(key)[1]
    sql = _ROWS.format(value=value_of(key, "{key:String}"), table=relation.table, condition=relation.condition)
    rows = store.rows(sql, {**relation.parameters, "key": name, "values": list(values)})
    return {str(row["value"]): int(row["n"]) for row in rows}


def restricted(relation: Relation, key: str, value: str) -> Relation:
    """The rows of a relation that belong to one slice."""
    condition, parameters = where([(key, value)])
    return replace(
        relation, condition=f"({relation.condition}) AND {condition}", parameters={**relation.parameters, **parameters}
    )


def where(slices: Sequence[tuple[str, str]], rows: str = "") -> tuple[str, dict[str, str]]:
    """SQL and its parameters: the rows that belong to every one of some slices; see `value_of` for `rows`."""
    conditions = ["true"]
    parameters: dict[str, str] = {}
    for index, (key, value) in enumerate(slices):
        if key.startswith(f"{SLICE}."):
            conditions.append(belongs(value, rows))
            continue
        named = value_of(key, f"{{slice_key_{index}:String}}", rows)
        conditions.append(f"{named} = {{slice_value_{index}:String}}")
        parameters |= {f"slice_key_{index}": split_key(key)[1], f"slice_value_{index}": value}
    return " AND ".join(conditions), parameters


def spelt(key: str, value: str) -> str:
    """A slice as results spell it: `tag.country=DE`. What else would be read as something else has a `\\` before it."""
    kind, _, name = key.partition(".")
    name = split_slice(key)[0] if kind == SLICE else name
    return f"{kind}.{_escaped(name, in_name=True)}={_escaped(value)}"


def _escaped(text: str, *, in_name: bool = False) -> str:
    """A name or value, such that `parse` gives it back."""
    special = {at for at, character in enumerate(text) if character == "\\" or (in_name and character == "=")}
    special |= {at for at, character in enumerate(text) if character in ",&" and _begins(text, at + 1)}
    special |= {at for at in (0, len(text) - 1) if text[at : at + 1].isspace()}
    return "".join("\\" + character if at in special else character for at, character in enumerate(text))


def parse(text: str) -> list[tuple[str, str]]:
    """Read a slice as people and results spell it: `tag.country=DE`, several joined by ` & ` or commas; none of ''.

    Raises:
        ValueError: a part of it is spelt otherwise.
    """
    return [_parsed(part) for part in _parts(text)] if text else []


def spelt_group(facets: Sequence[str], values: Sequence[str]) -> str:
    r"""A group as results spell it: `sex=Female × race=Black`. What would be read as a sign has a `\` before it."""
    pairs = zip(facets, values, strict=True)
    return _CROSS.join(f"{_protected(facet, '=×')}={_protected(value, '×')}" for facet, value in pairs)


def spelt_facets(facets: Sequence[str]) -> str:
    """A facet, or the crossing of several, as results spell it: `sex × race`."""
    return _CROSS.join(_protected(facet, "=×") for facet in facets)


def _protected(text: str, special: str) -> str:
    return "".join("\\" + character if character in special or character == "\\" else character for character in text)


def parse_group(text: str) -> list[tuple[str, str]]:
    """Read a group as people and results spell it, as pairs of a facet and its value.

    Raises:
        ValueError: a part of it is spelt otherwise.
    """
    pairs = []
    for part in _crossed(text, valued=True):
        equals = next(_plain(part, "="), -1)
        if equals < 1 or equals == len(part) - 1:
            raise ValueError(f"{part!r} is no group: write FACET=VALUE, several joined by {_CROSS!r}")
        pairs.append((_unescaped(part[:equals]), _unescaped(part[equals + 1 :])))
    return pairs


def _crossed(text: str, *, valued: bool) -> Iterator[str]:
    """What stands between the ` × ` that, in a group, another `FACET=` follows."""
    start = 0
    for at in _plain(text, "×"):
        if text[at - 1 : at + 2] == _CROSS and at > start and (not valued or _facet_follows(text, at + 2)):
            yield text[start : at - 1]
            start = at + 2
    yield text[start:]


def _facet_follows(text: str, at: int) -> bool:
    """Whether a facet and its `=` stand here, before another `×`."""
    first = next(_plain(text[at:], "=×"), -1)
    return first > 0 and text[at + first] == "="


def is_group(segment: str) -> bool:
    """Whether a result's segment is a group of facets, as fairness has it, and not a slice."""
    return bool(segment) and not segment.startswith(_KINDS)


def keys_of(segment: str) -> set[str]:
    """The keys that a result's segment is of; of a group both that each facet may be."""
    if not is_group(segment):
        return {key for key, _ in parse(segment)}
    return {f"{kind}{name}" for name, _ in parse_group(segment) for kind in _KINDS if kind != f"{SLICE}."}


def names_of(segment: str) -> str:
    """The tag, feature or facets that a result's first slice, group or crossing is of, joined by commas."""
    if segment.startswith(_KINDS):
        key, value = parse(segment)[0]
        return ",".join(names_in(f"{key}={value}" if key.startswith(f"{SLICE}.") else key))
    parts = (
        part[: next(_plain(part, "="), None)] for part in _crossed(segment, valued=next(_plain(segment, "="), 0) > 0)
    )
    return ",".join(map(_unescaped, parts))


def _parsed(part: str) -> tuple[str, str]:
    equals = next(_plain(part, "="), -1)
    key, value = _unescaped(_stripped(part[:equals])), _unescaped(part[equals + 1 :])
    if equals < 0 or not value or key.partition(".")[0] not in KINDS or not key.partition(".")[2]:
        raise ValueError(
            f"{part!r} is no segment: write tag.NAME=VALUE or feature.NAME=VALUE; {NO_GROUP} is the value of rows "
            "that have none; or slice.NAME=EXPRESSION"
        )
    if key.startswith(f"{SLICE}."):
        belongs(value)
    return key, value


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas and ` & ` that a `tag.` or `feature.` follows."""
    start = 0
    for at in _plain(text, ",&"):
        joined = text[at] == "," or text[at - 1 : at + 2] == " & "
        if joined and _begins(text, at + 1):
            yield _stripped(text[start:at])
            start = at + 1
    yield _stripped(text[start:])


def _plain(text: str, wanted: str) -> Iterator[int]:
    """Where some characters stand that have no `\\` before them."""
    escaped = False
    for at, character in enumerate(text):
        if character in wanted and not escaped:
            yield at
        escaped = character == "\\" and not escaped


def _begins(text: str, at: int) -> bool:
    """Whether a slice begins here, after white space."""
    while at < len(text) and text[at].isspace():
        at += 1
    return text.startswith(_KINDS, at)


def _stripped(part: str) -> str:
    """Without white space around it, but for what has a `\\` before it."""
    short = part.strip()
    lost = part[part.index(short) + len(short) :] if short else ""
    return short + lost[:1] if (len(short) - len(short.rstrip("\\"))) % 2 else short


def _unescaped(text: str) -> str:
    """Without each `\\` that stands before what it protects; any other one stays, as in `C:\\x`."""
    found, at = [], 0
    while at < len(text):
        following = text[at + 1 : at + 2]
        at += text[at] == "\\" and bool(following) and (following in "\\=,&×" or following.isspace())
        found.append(text[at])
        at += 1
    return "".join(found)

"""Redaction of modelspan's events: an Arrow table without what the rules take out, made anew.

Nothing of the old table is kept that is not shown in the new one: no value below a null, no entry of a dictionary that
no row names, no metadata but our own.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions, features
from modelspan_collector.access.redact_text import redact_text
from modelspan_collector.access.rules import MASK, Redaction, spelt
from modelspan_collector.write.stream import COLUMNS

_OWN_METADATA: Final = (
    conventions.META_SCHEMA,
    conventions.META_MODEL,
    conventions.META_VERSION,
    conventions.META_ROLE,
    conventions.META_LEFT_OUT,
)
_PLAIN: Final = (
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_temporal,
    pa.types.is_decimal,
    pa.types.is_fixed_size_binary,
    pa.types.is_null,
)
"""Kinds in which no text can be."""


def redact_table(rules: Redaction, event: str, table: pa.Table) -> tuple[pa.Table, int]:
    """Redact the columns of an event's stream: by name all but those that make it one, by the masks all text.

    Returns:
        The stream, and how many columns were touched.
    """
    named = 0
    if event == conventions.EVENT_LABELS and conventions.COL_OUTCOME in table.column_names:
        table, named = _without_outcomes(rules, table)
    columns, touched = redact_columns(rules, table, frozenset(column.name for column in COLUMNS[event]))
    metadata = {name: text for name in _OWN_METADATA if (text := _metadata(rules, table, name)) is not None}
    return columns.replace_schema_metadata(metadata), touched + named


def _without_outcomes(rules: Redaction, table: pa.Table) -> tuple[pa.Table, int]:
    """Labels without the outcomes that the rules drop by name, and with hashes for what those are that they hash; and
    how many names were met."""
    outcomes = pc.fill_null(table[conventions.COL_OUTCOME].cast(pa.string()), "")
    actions = {name: rules.action(name) for name in pc.unique(outcomes).to_pylist()}
    actions |= dict.fromkeys(("", conventions.OUTCOME_LABEL), "keep")
    touched = sum(action != "keep" for action in actions.values())
    if not touched:
        return table, 0
    said = [actions[name] for name in outcomes.to_pylist()]
    nothing = [None] * table.num_rows
    value, label = (
        table[name].to_pylist() if name in table.column_names else nothing
        for name in (conventions.COL_VALUE, conventions.COL_LABEL)
    )
    told = zip(said, value, label, strict=True)
    pairs = [(None, rules.digest(spelt(v if c in (None, "") else c))) if a == "hash" else (v, c) for a, v, c in told]
    kept = pa.array([action != "drop" for action in said])
    plain = pa.array([action != "hash" for action in said])  # of several numbers or texts no hash is kept
    for name in [each for each in table.column_names if _of_answer(each)]:
        column = pc.if_else(plain, table[name], pa.scalar(None, table[name].type))
        table = table.set_column(table.column_names.index(name), name, column)
    for name, at, kind in ((conventions.COL_VALUE, 0, pa.float64()), (conventions.COL_LABEL, 1, pa.string())):
        column = pa.array([pair[at] for pair in pairs]).cast(kind)
        place = table.column_names.index(name) if name in table.column_names else table.num_columns
        table = (table.remove_column(place) if place < table.num_columns else table).add_column(place, name, column)
    return table.filter(kept), touched


def _of_answer(name: str) -> bool:
    return name in (conventions.COL_SHAPE, conventions.COL_ITEMS) or name.startswith(conventions.COL_OUTPUT_PREFIX)


def redact_columns(rules: Redaction, table: pa.Table, structural: frozenset[str]) -> tuple[pa.Table, int]:
    """Redact the columns of any table, by name all but some, by the masks all text.

    Returns:
        The table without metadata, and how many columns were touched.
    """
    columns: dict[str, Any] = {}
    touched = 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        kept, changed = _column(rules, name, column.combine_chunks(), structural)
        shown = rules.masked(name)
        if kept is None or shown in columns:
            touched += 1
            continue
        columns[shown] = kept
        touched += changed or shown != name
    return pa.table(columns), touched


def _column(rules: Redaction, name: str, column: Any, structural: frozenset[str]) -> tuple[Any, bool]:
    """A column as it may be kept, None where it may not, and whether it is another than it was."""
    array = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    of_answer = (conventions.COL_SCORE_PREFIX, conventions.COL_OUTPUT_PREFIX)
    is_score = name.startswith(of_answer) and rules.named(name) == "keep"
    action = "keep" if name in structural or is_score else rules.action(name)
    if action == "drop" or (action == "hash" and name.startswith(conventions.COL_OUTPUT_PREFIX)):
        return None, True  # of numbers of an answer no hash is kept
    if action == "hash":
        return _hashed(rules, array), True
    if pa.types.is_dictionary(array.type):
        plain = array.dictionary_decode()
        kept, changed = _values(rules, plain)
        return (None if kept is None else kept.dictionary_encode()), changed
    return _values(rules, array)


def _hashed(rules: Redaction, array: Any) -> Any:
    """Digests of the values as a category spells them; what it cannot hold, such as lists, as Python does."""
    converted = features.text(array)
    written = array if converted.column is None or pa.types.is_nested(converted.column.type) else converted.column
    digests = [None if value is None else rules.digest(spelt(value)) for value in written.to_pylist()]
    return pa.array(digests, pa.string())


def _values(rules: Redaction, array: Any) -> tuple[Any, bool]:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text(rules, _compact(array))
    if pa.types.is_integer(kind):
        return _integers(rules, _compact(array))
    if any(test(kind) for test in _PLAIN):
        return _compact(array), False
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = kind.value_type
        if pa.types.is_floating(inner) or pa.types.is_integer(inner):
            return pa.array(array.to_pylist(), kind), False
        if pa.types.is_string(inner) or pa.types.is_large_string(inner):
            before = array.to_pylist()
            after = [None if row is None else [text and rules.masked(text) for text in row] for row in before]
            return pa.array(after, kind), after != before
    return None, True


def _compact(array: Any) -> Any:
    """The same values in new memory, with nothing below the nulls."""
    if pa.types.is_null(array.type):
        return array
    return pc.if_else(pc.is_valid(array), array, pa.scalar(None, array.type))


def _text(rules: Redaction, array: Any) -> tuple[Any, bool]:
    """Text by the masks, and by the names in it where it holds JSON."""
    unusual = pc.any(pc.match_substring_regex(array, r"[\"'\\]")).as_py()
    if unusual:
        found = {text: redact_text(rules, text)[0] for text in pc.unique(array).to_pylist() if text is not None}
        after = pa.array([None if text is None else found[text] for text in array.to_pylist()], array.type)
    else:
        after = array
        for mask in rules.mask:
            after = pc.replace_substring_regex(after, mask, MASK)
    return after, not after.equals(array)


def _integers(rules: Redaction, array: Any) -> tuple[Any, bool]:
    """Whole numbers, missing where a mask meets their digits."""
    if not rules.mask:
        return array, False
    digits = array.cast(pa.string())
    met = [pc.match_substring_regex(digits, mask) for mask in rules.mask]
    hidden = [pc.fill_null(each, False) for each in met]
    changed = any(pc.any(each).as_py() for each in hidden)
    for each in hidden if changed else ():
        array = pc.if_else(each, pa.scalar(None, array.type), array)
    return array, changed


def _metadata(rules: Redaction, table: pa.Table, name: str) -> str | None:
    value = (table.schema.metadata or {}).get(name.encode())
    return None if value is None else redact_text(rules, value.decode("utf-8", "replace"))[0]

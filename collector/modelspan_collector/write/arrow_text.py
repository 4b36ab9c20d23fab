"""Text of an Arrow table that is not UTF-8: kept, with U+FFFD for its bad bytes, as text of spans is."""

from __future__ import annotations

import pyarrow as pa

_BYTES = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


def repair(table: pa.Table) -> tuple[pa.Table, int]:
    """Make the text columns of a table valid, in whatever encoding; what is broken in another way stays broken.

    Returns:
        The table, and how many values (of a dictionary or of runs: entries) were touched.
    """
    touched = 0
    for index, field in enumerate(table.schema):
        try:
            cleaned = [_clean(chunk) for chunk in table.column(index).chunks]
        except pa.ArrowException:
            continue
        count = sum(found for _, found in cleaned)
        if count:
            table = table.set_column(index, field, pa.chunked_array([chunk for chunk, _ in cleaned], field.type))
            touched += count
    return table, touched


def _clean(array: pa.Array) -> tuple[pa.Array, int]:
    if pa.types.is_dictionary(array.type):
        values, count = _clean(array.dictionary)
        return pa.DictionaryArray.from_arrays(array.indices, values, ordered=array.type.ordered), count
    if pa.types.is_run_end_encoded(array.type):
        values, count = _clean(array.values)
        return (pa.RunEndEncodedArray.from_arrays(array.run_ends, values) if count else array), count
    if array.type not in _BYTES:
        return array, 0
    raw = array.view(_BYTES[array.type])
    raw.validate(full=True)
    before = raw.to_pylist()
    after = [None if value is None else value.decode("utf-8", "replace") for value in before]
    count = sum(text is not None and text.encode() != value for text, value in zip(after, before, strict=True))
    return (pa.array(after, array.type), count) if count else (array, 0)

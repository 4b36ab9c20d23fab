"""Tag columns of a baseline: the same text that a live prediction's tag has, whatever the column's type."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from modelspan_analyzer.files.tag_columns import tag_maps


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array(["north", "", None]), ["north", None, None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([1, 2, None]), ["1", "2", None]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([0.5, float("nan"), 2.25]), ["0.5", None, "2.25"]),
        (pa.array(["x", "y", "z"], pa.large_string()), ["x", "y", "z"]),
        (pa.array([datetime(2026, 1, 2, tzinfo=UTC), None, None]), ["2026-01-02T00:00:00Z", None, None]),
    ],
)
def test_a_column_of_any_plain_type_is_a_tag(column: pa.Array, texts: list[str | None]) -> None:
    """Missing and empty values belong to no group."""
    found = tag_maps(pa.table({"other": ["k", None, "k"], "tag": column}), ["tag", "other"]).to_pylist()
    expected = [
        [*([("tag", text)] if text else []), *([("other", "k")] if row != 1 else [])] for row, text in enumerate(texts)
    ]
    assert found == expected


def test_what_cannot_be_a_tag_is_an_error_that_names_it() -> None:
    """A list is no group, and a column that is not there is named beside those that are."""
    table = pa.table({"vector": [[1.0]], "age": [1]})
    with pytest.raises(ValueError, match="cannot be a tag; expected text"):
        tag_maps(table, ["vector"])
    with pytest.raises(ValueError, match="no column region in the table; it has vector, age"):
        tag_maps(table, ["region"])
    assert tag_maps(table, []).to_pylist() == [[]]

"""Text in SQL is what it was, whatever is in it."""

from __future__ import annotations

import pytest

from modelspan_collector.store.connect import Store
from modelspan_collector.store.quote import quote_identifier, quote_name, quote_string

TEXTS = (
    "plain", "it's", "`a`", 'a "b"', "back\\slash", "end\\", "'; DROP TABLE predictions; --", "a\nb\tc", "{x:String}",
    "Ü 💥", "%s", "\\'",
)  # fmt: skip


def test_quoted_text_is_read_back_as_it_was(store: Store) -> None:
    """The engine reads a quoted string, and a quoted name, as the text that it stands for."""
    assert store.scalar(f"SELECT {quote_string('')}") == ""
    for text in TEXTS:
        assert store.scalar(f"SELECT {quote_string(text)}") == text
        assert store.rows(f"DESCRIBE (SELECT 1 AS {quote_name(text)})")[0]["name"] == text


@pytest.mark.parametrize("name", ["", "1a", "a b", "a`b", "a\n", "ä"])
def test_our_own_names_are_plain(name: str) -> None:
    """A table's or column's name of ours with anything else in it is an error."""
    with pytest.raises(ValueError, match="plain identifier"):
        quote_identifier(name)

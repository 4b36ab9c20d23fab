"""A slice is spelt and read by one rule, whatever its names and values hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.reading.segments import parse, spelt

HOSTILE = (
    st.lists(
        st.sampled_from(
            [
                "=",
                "\\",
                ",",
                " & ",
                "&",
                " ",
                "\t",
                "tag.",
                "feature.",
                "tag.x=1",
                "a",
                "é",
                "'",
                '"',
                "{",
                "}",
                "%",
                " × ",
            ]
        )
        | st.text(max_size=2),
        min_size=1,
        max_size=6,
    )
    .map("".join)
    .filter(bool)
)
SLICES = st.lists(st.tuples(st.sampled_from(["tag.", "feature."]), HOSTILE, HOSTILE), min_size=1, max_size=3)


@given(slices=SLICES)
def test_what_results_spell_is_read_as_it_was_meant(slices: list[tuple[str, str, str]]) -> None:
    """Names and values of any text, in one slice or several, come back as they were."""
    pairs = [(kind + name, value) for kind, name, value in slices]
    assert parse(" & ".join(spelt(*pair) for pair in pairs)) == pairs


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"feature.path=C:\models", [("feature.path", r"C:\models")]),
        ("feature.name=Smith, John", [("feature.name", "Smith, John")]),
        ("tag.team=R&D, tag.a=b=c", [("tag.team", "R&D"), ("tag.a", "b=c")]),
        (r"feature.a\=b=c", [("feature.a=b", "c")]),
    ],
)
def test_what_people_write_needs_no_signs_of_protection(text: str, read: list[tuple[str, str]]) -> None:
    """A backslash, comma or equals sign that can only be meant as it stands stays."""
    assert parse(text) == read


def test_what_is_plain_is_spelt_plainly() -> None:
    """Nothing is added to what cannot be misread."""
    for key, value in (("tag.country", "DE"), ("feature.R&D, rate", "a=b, c & d")):
        assert spelt(key, value) == f"{key}={value}"

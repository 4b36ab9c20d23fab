"""A slice is spelt and read by one rule, whatever its names and values hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.reading.segments import names_of, parse, parse_group, spelt, spelt_facets, spelt_group

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


@given(groups=st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=3))
def test_a_group_of_facets_is_read_as_it_was_meant(groups: list[tuple[str, str]]) -> None:
    """Facets and values of any text, one or crossed, come back as they were, and so do the facets alone."""
    text = spelt_group(*zip(*groups, strict=True))
    assert parse_group(text) == groups
    if not text.startswith(("tag.", "feature.")):
        assert names_of(text) == ",".join(facet for facet, _ in groups)
    facets = spelt_facets([facet for facet, _ in groups])
    if not facets.startswith(("tag.", "feature.")):
        assert names_of(facets) == ",".join(facet for facet, _ in groups)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("sex=Female × race=Black", [("sex", "Female"), ("race", "Black")]),
        ("size=3 × 4 cm", [("size", "3 × 4 cm")]),
        ("sum=a=b", [("sum", "a=b")]),
    ],
)
def test_a_group_that_people_write_needs_no_signs_of_protection(text: str, read: list[tuple[str, str]]) -> None:
    """Where it can only be meant as it stands."""
    assert parse_group(text) == read


@pytest.mark.parametrize("text", ["sex", "=Female", "sex=", "sex=a × race="])
def test_what_is_no_group_is_refused_by_name(text: str) -> None:
    """It would select nothing."""
    with pytest.raises(ValueError, match="is no group: write FACET=VALUE"):
        parse_group(text)


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

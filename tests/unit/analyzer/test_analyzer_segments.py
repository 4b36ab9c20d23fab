"""One spelling of segments, read in one place: `tag.NAME=VALUE` or `feature.NAME=VALUE`, all else is refused."""

from __future__ import annotations

import pytest

from modelspan_analyzer.monitors_yaml import ConfigError
from modelspan_analyzer.monitors_yaml import parse as parse_config
from modelspan_analyzer.reading.outcomes.read import Segment
from modelspan_analyzer.reading.segments import parse
from modelspan_collector.store.segments import split_key

SPELT = {
    "": [],
    "tag.country=DE": [("tag.country", "DE")],
    "feature.plan=pro": [("feature.plan", "pro")],
    "feature.seats=2": [("feature.seats", "2")],
    "tag.a=1,tag.b=2": [("tag.a", "1"), ("tag.b", "2")],
    "tag.a=1, feature.b=2": [("tag.a", "1"), ("feature.b", "2")],
    "feature.a=x & tag.b=y": [("feature.a", "x"), ("tag.b", "y")],
    "tag.city=Paris, Texas": [("tag.city", "Paris, Texas")],
    "tag.q=a=b": [("tag.q", "a=b")],
    "tag.a.b=c": [("tag.a.b", "c")],
    "tag.who='); DROP TABLE x": [("tag.who", "'); DROP TABLE x")],
    "feature.größe=ü/%20": [("feature.größe", "ü/%20")],
}


@pytest.mark.parametrize("text", SPELT)
def test_slices_are_read_as_they_are_spelt(text: str) -> None:
    """Values keep their commas, points, equals signs and quotes."""
    assert parse(text) == SPELT[text]


REFUSED = (
    "country=DE",
    "country",
    "tag.country",
    "tag.=DE",
    "tag.country=",
    "label.x=1",
    "Tag.x=1",
    "=",
    ",",
    "tag",
    "&",
)


@pytest.mark.parametrize("text", REFUSED)
def test_any_other_spelling_is_refused_with_both(text: str) -> None:
    """A name without its place is never taken for one of the two."""
    with pytest.raises(ValueError, match=r"tag\.NAME=VALUE or feature\.NAME=VALUE"):
        parse(text)


@pytest.mark.parametrize("key", ["country", "tag.", "feature.", "label.x", "", "Tag.x"])
def test_keys_are_read_by_the_same_rule_everywhere(key: str) -> None:
    """Sketches, performance and `monitors.yaml` refuse the same keys in the same words."""
    for read in (split_key, Segment.parse):
        with pytest.raises(ValueError, match=r"write tag\.NAME or feature\.NAME"):
            read(key)
    with pytest.raises(ConfigError, match=r"write tag\.NAME or feature\.NAME"):
        parse_config(f"{{version: 1, defaults: {{segments: ['{key}']}}}}")

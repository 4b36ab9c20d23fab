"""What a view is asked for: model, version, segment and time, read from a query as people write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.incidents.asked import window_of
from modelspan_analyzer.reading import segments
from modelspan_analyzer.results import Window

FILTERS: Final = frozenset({"model", "version", "segment", "since", "until"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters that views share."""

    model: str = ""
    version: str = ""
    """Empty for every version."""
    segment: str = ""
    """As results spell it: `tag.country=DE`; empty for all rows."""
    window: Window | None = None
    """None where no time was given: a view then shows the newest there is."""


def asked(given: Mapping[str, str], *, need_model: bool = True) -> Asked:
    """The filters of a query.

    Raises:
        ValueError: one of them cannot be read, or the model is missing.
    """
    model = given.get("model", "")
    if need_model and not model:
        raise ValueError("say which model: ?model=NAME")
    segment = given.get("segment", "")
    segments.parse(segment)
    since, until = given.get("since", ""), given.get("until", "")
    window = window_of(since, until) if since or until else None
    return Asked(model, given.get("version", ""), segment, window)

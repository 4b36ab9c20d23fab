"""Stages and approvals of versions, as commands and the interface show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelspan_analyzer.governance.lifecycle import Lifecycle
from modelspan_analyzer.views.view import plain


def as_json(told: Sequence[Lifecycle]) -> list[dict[str, Any]]:
    """Versions as JSON-ready values, with what contradicts each."""
    return [{**plain(one), "contradictions": list(one.contradictions)} for one in told]

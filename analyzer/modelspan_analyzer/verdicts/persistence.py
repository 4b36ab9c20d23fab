"""Whether a breach has lasted: k of the last m windows."""

from __future__ import annotations

from collections.abc import Sequence

from modelspan_analyzer.verdicts.rule import DriftRule


def persists(breaches: Sequence[bool], rule: DriftRule) -> bool:
    """Whether enough of the last windows breached, oldest first and this one last, which itself must have breached."""
    recent = breaches[-rule.persistence_windows :]
    return bool(recent) and recent[-1] and sum(recent) >= rule.persistence_breaches

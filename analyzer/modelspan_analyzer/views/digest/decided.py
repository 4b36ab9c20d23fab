"""Stages and approvals in a span: what people decided, and what contradicts what they had told by its end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.reading.unchanged import Name
from modelspan_analyzer.views.digest.facts import Facts

NOTHING_TOLD: Final = "nothing told"


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody decided of a version."""

    at: datetime
    actor: str
    model: str
    version: str
    kind: str
    """`stage` or `approval`."""
    before: str
    """What had been decided of that before; empty where nothing had."""
    decision: str
    reason: str

    @property
    def key(self) -> Name:
        """Of its version."""
        return self.model, self.version

    @property
    def change(self) -> str:
        """In words: `candidate → production`."""
        again = self.before == self.decision
        return f"{self.decision}, once more" if again else f"{self.before or NOTHING_TOLD} → {self.decision}"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that contradicts a version's stage or its approval."""

    model: str
    version: str
    stage: str
    """As it was told; empty where nobody did."""
    approval: str
    what: str

    @property
    def key(self) -> Name:
        """Of its version."""
        return self.model, self.version


def decided(facts: Facts, names: Collection[Name]) -> tuple[Decided, ...]:
    """What people decided of some versions in a span, the newest first."""
    found = []
    for name in names:
        before: dict[str, str] = {}
        for one in facts.told[name].history if name in facts.told else ():
            if facts.span.has(one.at):
                last = before.get(one.kind, "")
                found.append(Decided(one.at, one.actor, *name, one.kind, last, one.decision, one.reason))
            before[one.kind] = one.decision
    return tuple(sorted(found, key=lambda one: (one.at, one.model, one.version), reverse=True))


def contradictions(facts: Facts, names: Collection[Name]) -> tuple[Contradiction, ...]:
    """What contradicted the stages and approvals of some versions at the end of a span, by name."""
    every = [(name, facts.lifecycles[name]) for name in sorted(names) if name in facts.lifecycles]
    return tuple(
        Contradiction(*name, one.stage, one.approval, what) for name, one in every for what in one.contradictions
    )


def without_stage(facts: Facts, names: Collection[Name]) -> int:
    """How many of some versions are of models of which nobody had told any stage: nothing is judged of them."""
    staged = {model for (model, _), one in facts.lifecycles.items() if one.stage}
    return sum(model not in staged for model, _ in names)

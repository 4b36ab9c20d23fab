"""The words of "why": a finding is a question, an explanation its answer, a cause one line of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.kinds import KINDS, MISSING
from modelspan_analyzer.results import Window

MOST_VERSIONS: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be explained: which predictions went another way than they should."""

    model: str
    window: Window
    kind: str
    """One of `KINDS`."""
    feature: str = ""
    version: str = ""
    segment: str = ""
    """Only these predictions, as `tag.country=DE`; for an unfair gap, the group at a disadvantage."""
    baseline: Window | None = None
    """What a drift is measured against; without one, the stretch of the same length before the window."""
    baseline_id: str = ""
    """Rows of `reference_predictions` that a drift is measured against; goes before `baseline`."""
    outcome: str = ""
    """What is taken for the truth; '' is the label."""

    def __post_init__(self) -> None:
        """Refuse a kind nobody can select predictions for."""
        if self.kind not in KINDS:
            raise ValueError(f"cannot explain findings of kind {self.kind!r}; expected one of {', '.join(KINDS)}")
        if self.kind == MISSING and not self.feature:
            raise ValueError("a missing-values finding needs the name of its feature")


@dataclass(frozen=True, slots=True)
class Budget:
    """How much an explanation may cost."""

    flagged: int = 4000
    """Most traces read of predictions that make the finding."""
    others: int = 4000
    """Most traces read of the other predictions."""
    seconds: float = 10.0
    """Longest that reading the traces may take; beyond it there is no answer, and the sentence says so."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that sets the flagged predictions apart from the others."""

    kind: str
    """attribute, resource, status, duration, repeat, span, absent, event, log, clock, tag, feature, version."""
    service: str
    span_name: str
    attribute: str
    value: str
    flagged_share: float
    """Share of the flagged predictions that show it, above what was usual before."""
    other_share: float
    """Share of the other predictions that show it."""
    risk_ratio: float
    """How many times likelier a prediction that shows it is to be flagged."""
    interval: tuple[float, float]
    """95 % confidence interval of the risk ratio (log method, Katz et al. 1978)."""
    q_value: float
    """False-discovery rate at which it would still be reported (Benjamini and Hochberg 1995)."""
    support: int
    """Flagged predictions, among those looked at, that show it."""
    score: float
    """Correlation (phi) between showing it and being flagged, from 0 to 1."""
    since: datetime | None = None
    """When the finding began, where it has a beginning."""
    release: str | None = None
    """The release that began with it, as `feature-store 2.3.1`."""
    also: tuple[str, ...] = ()
    """What always comes together with it."""
    within: str = ""
    """The part of the traffic that it is confined to, where it is not the whole."""
    sample_trace_ids: tuple[str, ...] = ()
    sentence: str = ""

    @property
    def phrase(self) -> str:
        """The cause in a few words, without what varies from finding to finding: `feature-store GET /profile`."""
        value = (
            f"{self.attribute}={self.value}"
            if self.kind in ("attribute", "resource", "tag", "feature", "version")
            else ""
        )
        return " ".join(part for part in (self.service, self.span_name, value) if part)

    def as_json(self) -> dict[str, Any]:
        """The cause as JSON-ready values."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "interval": list(self.interval),
            "since": self.since.isoformat() if self.since else None,
            "also": list(self.also),
            "sample_trace_ids": list(self.sample_trace_ids),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to "why?"; without causes, nothing in the traces explains the finding."""

    finding: Finding
    sentence: str
    causes: tuple[Cause, ...]
    n_flagged: int
    n_other: int
    seconds: float
    truncated: bool
    """Whether predictions were sampled, or reading was given up, to stay within the budget."""
    traced: int = 0
    """Traces of the finding's predictions that the answer rests on; 0 where reading them was given up."""
    affected: int = 0
    """Predictions of the finding's window that make it; of wrong ones, as there always are some, how many more."""
    since: datetime | None = None
    versions: tuple[str, ...] = ()
    """Of the model, whose predictions were looked at; at most `MOST_VERSIONS`."""

    @property
    def about(self) -> str:
        """The model and its versions, as `churn 1.4.0` or `churn 1.4.0, 1.5.0`."""
        return f"{self.finding.model} {', '.join(self.versions)}".rstrip()

    def as_json(self) -> Mapping[str, Any]:
        """The explanation as JSON-ready values."""
        window = self.finding.window
        return {
            "model": self.finding.model,
            "versions": list(self.versions),
            "kind": self.finding.kind,
            "feature": self.finding.feature,
            "segment": self.finding.segment,
            "window": [window.start.isoformat(), window.end.isoformat()],
            "sentence": self.sentence,
            "causes": [cause.as_json() for cause in self.causes],
            "n_flagged": self.n_flagged,
            "n_other": self.n_other,
            "seconds": round(self.seconds, 3),
            "truncated": self.truncated,
            "since": self.since.isoformat() if self.since else None,
        }

"""An incident, its findings and its timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.reading.names import brief
from modelspan_analyzer.results import Result

OPEN, RESOLVED = "open", "resolved"
ACKNOWLEDGED, ASSIGNED, ACTION, OUTCOME, CLOSED, REOPENED = (
    "acknowledged", "assigned", "action", "outcome", "closed", "reopened"
)  # fmt: skip
"""What people do about an incident; findings reopen one too."""
EVENT_KINDS = (
    "opened", REOPENED, "cause", "severity", "finding", ACKNOWLEDGED, ASSIGNED, ACTION, OUTCOME, "cleared", "resolved",
    CLOSED, "feedback",
)  # fmt: skip
"""In the order in which they are told where they happened at the same time."""


class UnknownIncidentError(ValueError):
    """No incident has that id."""

    def __init__(self, incident_id: str) -> None:
        super().__init__(f"there is no incident {brief(incident_id)!r}; `modelspan incidents` lists them")


def need_status(status: str) -> None:
    """Refuse what no incident is; '' is any.

    Raises:
        ValueError: it is no status.
    """
    if status not in ("", OPEN, RESOLVED):
        raise ValueError(f"{status[:40]!r} is no status; say {OPEN} or {RESOLVED}")


class Severity(str, Enum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A measurement that alarmed, as its incident remembers it."""

    version: str
    signal: str
    metric: str
    feature: str
    segment: str
    monitor: str
    reason: str
    window_end: datetime
    """End of the newest window that said anything of it."""
    cleared: int = 0
    """Good windows since the last bad one."""
    ended: bool = False
    since: datetime | None = None
    """When the data says that it began; None where it does not tell."""
    excess: float = 0.0
    """How many times its threshold the measurement was."""
    role: str = ROLE_PRIMARY
    """Of the version when it alarmed."""
    n: int = 0
    """Rows that were measured."""
    affected: int = 0
    """Predictions among them that it is about; 0 where that is not known."""
    direction: str = "above"
    """On which side of its threshold the measurement was."""
    cause: str = ""
    """What it was found to come from, as `Incident.cause`; empty where that is not known."""
    traced: int = 0
    """Traces that the best answer to why it is so rests on."""

    @classmethod
    def of(
        cls,
        result: Result,
        since: datetime | None = None,
        role: str = ROLE_PRIMARY,
        affected: int = 0,
        cause: str = "",
        traced: int = 0,
    ) -> OpenFinding:
        """What an incident remembers of an alarm."""
        return cls(
            version=result.version,
            signal=result.signal,
            metric=result.metric,
            feature=result.feature,
            segment=result.segment,
            monitor=result.monitor,
            reason=result.reason,
            window_end=result.window.end,
            since=since,
            role=role,
            n=result.n,
            affected=affected,
            direction=result.direction,
            cause=cause,
            traced=traced,
            excess=abs(result.value / result.threshold) if result.value and result.threshold else 0.0,
        )

    @property
    def key(self) -> tuple[str, ...]:
        """What names the measurement in every window."""
        return (self.version, self.signal, self.metric, self.feature, self.segment, self.monitor)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an incident's timeline."""

    at: datetime
    kind: str
    text: str
    actor: str = ""
    """Who did it; empty where the analyzer did."""
    value: str = ""
    """What was said with it: whom it is assigned to, what was done, how it ended."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What is wrong with a model, why, how grave, and who is called."""

    incident_id: str
    model: str
    version: str
    status: str
    severity: Severity
    signal: str
    title: str
    why: str
    cause: str
    """What findings of the same cause have in common; empty where no cause is known."""
    owner: str
    runbook: str
    began_at: datetime
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    affected: int = 0
    value: float = 0.0
    findings: tuple[OpenFinding, ...] = ()
    traces: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    """Every one that it has had, the first first: each is an alert of its own until the incident is over."""
    acknowledged_at: datetime | None = None
    """Since when somebody has it in hand; None while nobody has, or since it came back or became graver."""
    acknowledged_by: str = ""
    assignee: str = ""
    """Whose task it is; empty where that is its owner's."""
    action: str = ""
    """What was done about it last."""
    outcome: str = ""
    """What it came to, in the words of who closed it."""
    closed_by: str = ""
    """Who closed it; empty where its findings are well again, or it lasts."""
    news: tuple[Event, ...] = field(default=(), compare=False)
    """What this update added to the timeline."""

    @property
    def role(self) -> str:
        """Of the version that it is about: what a shadow does wrong reaches nobody."""
        return self.findings[0].role if self.findings else ROLE_PRIMARY

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that a finding of it is or was of, the one that it was opened for first."""
        return tuple(dict.fromkeys((self.version, *sorted(member.version for member in self.findings))))

    @property
    def bad_versions(self) -> tuple[str, ...]:
        """Those of which something is still wrong; where all is well and it is not over, all of them."""
        lasting = sorted({member.version for member in self.findings if not member.ended})
        return tuple(lasting) or self.versions

    @property
    def dated(self) -> bool:
        """Whether the data of any finding that lasts tells when it began, and not only the window's start."""
        return any(member.since is not None for member in self.findings if not member.ended)

    @property
    def over(self) -> bool:
        """Whether what came of its cause is well again; of an incident that has a cause, not resolved for the rest."""
        of_it = [member for member in self.findings if member.cause == self.cause]
        return self.cause != "" and bool(of_it) and all(member.ended for member in of_it)


def key_of(result: Result) -> tuple[str, ...]:
    """The `OpenFinding.key` of a result."""
    return (result.version, result.signal, result.metric, result.feature, result.segment, result.monitor)

"""What two tables come to: everything found, by signal, and one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.checking import JUDGED, Status, not_checked
from modelspan_analyzer.files.rows import Remarks
from modelspan_analyzer.monitors.drift import data_drift, prediction_drift
from modelspan_analyzer.monitors.fairness import monitor as fairness
from modelspan_analyzer.monitors.performance import monitor as performance
from modelspan_analyzer.monitors.quality import monitor as quality
from modelspan_analyzer.results import Found, Verdict

DRIFT: Final = data_drift.SIGNAL
ANSWERS: Final = prediction_drift.SIGNAL
LABELS: Final = "label_drift"
QUALITY: Final = quality.SIGNAL
PERFORMANCE: Final = performance.SIGNAL
FAIRNESS: Final = fairness.SIGNAL
SIGNALS: Final[Mapping[str, str]] = {
    DRIFT: "Features that drifted",
    ANSWERS: "Predictions",
    LABELS: "Labels",
    QUALITY: "Data quality",
    PERFORMANCE: "Performance",
    FAIRNESS: "Fairness",
}
"""Every signal, with its heading; in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two tables."""

    name: str
    rows: int
    remarks: Remarks
    """What was assumed of it, and left out."""


@dataclass(frozen=True)
class Findings:
    """Two tables, compared."""

    reference: Side
    current: Side
    found: Mapping[str, Sequence[Found]]
    """Everything that was measured, by signal; a signal that was not looked at is absent."""
    not_looked_at: Mapping[str, str]
    """Signals that could not be looked at, each with what is missing."""
    wanted: tuple[str, ...] = ()
    """Signals that were asked for by naming their columns: each has to be judged."""

    @property
    def against(self) -> list[tuple[str, Found]]:
        """What stands against the current table."""
        return [
            (signal, one)
            for signal, several in self.found.items()
            for one in several
            if one.judged.verdict in (Verdict.ALARM, Verdict.ERROR)
        ]

    @property
    def warnings(self) -> list[tuple[str, Found]]:
        """What is worth a look, and stands against nothing."""
        return [
            (signal, one)
            for signal, several in self.found.items()
            for one in several
            if one.judged.verdict is Verdict.WARNING
        ]

    @property
    def lacking(self) -> str:
        """Why nothing can be said; '' where something can."""
        judged = {signal for signal in self.found if self._judged(signal)}
        lacking = not_checked(min(self.reference.rows, self.current.rows), judged, set(self.found), self.wanted)
        return (
            "one of the tables has no row" if lacking and not min(self.reference.rows, self.current.rows) else lacking
        )

    @property
    def status(self) -> Status:
        """One answer, as `modelspan check` gives it."""
        if self.against:
            return Status.ALARM
        return Status.NOT_CHECKED if self.lacking else Status.PASSED

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if self.against:
            return f"{self._counted()}."
        if self.lacking:
            reasons = [why for signal, why in self._reasons().items() if signal in (*self.wanted, DRIFT)]
            return f"Nothing stands against it, but {self.lacking}{': ' + '; '.join(reasons) if reasons else ''}."
        some = f"; {len(self.warnings)} warnings" if self.warnings else ""
        looked = ", ".join(SIGNALS[signal].lower().removesuffix(" that drifted") for signal in self.found)
        return f"Nothing moved that matters{some}. Looked at: {looked}."

    def _judged(self, signal: str) -> bool:
        return any(one.judged.verdict.value in JUDGED and one.seen.n for one in self.found[signal])

    def _reasons(self) -> dict[str, str]:
        """Why signals could not be judged."""
        found = {
            signal: next((one.judged.reason for one in several if one.judged.reason), "")
            for signal, several in self.found.items()
            if not self._judged(signal)
        }
        return {**found, **self.not_looked_at}

    def _counted(self) -> str:
        drifted = [one.seen.feature for signal, one in self.against if signal == DRIFT]
        parts = []
        if drifted:
            of = sum(one.seen.feature != "" for one in self.found[DRIFT] if one.metric == "psi" or one.value is None)
            parts.append(f"{len(drifted)} of {of} features drifted")
        for signal in SIGNALS:
            if signal == DRIFT:
                continue
            number = sum(each == signal for each, _ in self.against)
            if number:
                parts.append(f"{number} {'finding' if number == 1 else 'findings'} of {SIGNALS[signal].lower()}")
        return ", ".join(parts)

"""What two tables come to: everything found, by signal, and one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.checking import JUDGED, Status, not_checked
from modelspan_analyzer.files.rows import Remarks
from modelspan_analyzer.monitors.drift import data_drift, prediction_drift
from modelspan_analyzer.monitors.fairness import found as fairness
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
        if DRIFT in self.not_looked_at and judged <= {QUALITY} and self.reference.rows and self.current.rows:
            return "nothing but the columns' values could be judged"
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
        many = len(self.warnings)
        some = f"; {many} {'warning' if many == 1 else 'warnings'}" if many else ""
        looked = ", ".join(SIGNALS[signal].lower().removesuffix(" that drifted") for signal in self.found)
        return f"Nothing moved that matters{some}. Looked at: {looked}."

    def _judged(self, signal: str) -> bool:
        """Whether anything of a signal that may alarm was compared; what is there to be read lets nothing pass."""
        return any(
            one.judged.verdict.value in JUDGED
            and one.seen.n
            and (signal not in (PERFORMANCE, FAIRNESS) or decides(one))
            for one in self.found[signal]
        )

    def _reasons(self) -> dict[str, str]:
        """Why signals could not be judged."""
        found = {signal: _reason(several) for signal, several in self.found.items() if not self._judged(signal)}
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
        alone = f"; {self.not_looked_at[DRIFT]}" if DRIFT in self.not_looked_at else ""
        return ", ".join(parts) + alone


def decides(one: Found) -> bool:
    """Whether a measure may alarm; the others are there to be read."""
    return one.judged.decides and (one.judged.threshold is not None or one.judged.verdict is not Verdict.OK)


def _reason(found: Sequence[Found]) -> str:
    """Why nothing of a signal could be judged."""
    if any(one.judged.verdict is Verdict.OK or not one.judged.decides for one in found):
        return "no measure that may alarm is defined on these rows"
    return next((one.judged.reason for one in found if one.judged.reason), "")

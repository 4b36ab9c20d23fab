"""What answers promise of themselves, whatever a baseline was: broken by effect and evidence, in one window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from modelspan_analyzer.results import Judged, Verdict
from modelspan_analyzer.statistics.binomial import binomial_tail
from modelspan_analyzer.verdicts.p_value import p_words


class Share(NamedTuple):
    """How many rows are one way, and how many may be."""

    seen: float
    promised: float
    """At most, in the long run."""
    matters: float
    """From which on it is worth a word."""

    def p_value(self, rows: float) -> float:
        """Chance of at least as many among so many rows that keep the promise.

        Rows count as independent. Of a row that is several steps it is a share of these: those vary less than rows
        that are one way or the other.
        """
        return float(binomial_tail(self.seen * rows, rows, self.promised))

    def surely_matters(self, rows: float, confidence: float) -> bool:
        """Whether it is as many as matter, and surely more than promised."""
        return self.seen >= self.matters and self.p_value(rows) < 1 - confidence


@dataclass(frozen=True, slots=True)
class Promise:
    """How many rows may be wrong by what the answers themselves say."""

    wrong: Share
    said: str
    """What was seen, in words."""
    wasteful: Share | None = None
    """Rows that are right by saying less than they promise; None where that cannot be."""
    higher_is_better: bool = False
    """Whether the measure is the share of rows that are right."""

    @property
    def threshold(self) -> float:
        """The value of the measure from which on it matters."""
        return 1 - self.wrong.matters if self.higher_is_better else self.wrong.matters

    def broken(self, rows: float, confidence: float) -> Judged | None:
        """An alarm where it surely is, and matters; a warning where it is kept by too much; None where it is kept."""
        if self.wrong.surely_matters(rows, confidence):
            return self._judged(Verdict.ALARM, self.wrong, self.threshold, rows)
        if self.wasteful and self.wasteful.surely_matters(rows, confidence):
            return self._judged(Verdict.WARNING, self.wasteful, self.wasteful.matters, rows, ": they are too wide")
        return None

    def _judged(self, verdict: Verdict, share: Share, threshold: float, rows: float, what: str = "") -> Judged:
        p_value = share.p_value(rows)
        return Judged(verdict, f"{self.said}{what} ({p_words(p_value)}); {_ACCEPTED}", threshold, p_value)


_ACCEPTED = "a bound of your own among `bounds` decides instead"

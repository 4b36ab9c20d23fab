"""How wrong one answer is, in SQL: whether it is another class than the truth, or how far from it a number is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.reading.outcomes.target import REGRESSION, Target


@dataclass(frozen=True, slots=True)
class Loss:
    """Of the answer in `{row}` where the truth is in `{truth}`: names of two sources, which may be the same."""

    _loss: str
    _known: str

    def of(self, row: str, truth: str) -> str:
        """Its size; only where it is known."""
        return self._loss.format(row=row, truth=truth)

    def known(self, row: str, truth: str) -> str:
        """Whether it is."""
        return self._known.format(row=row, truth=truth)


_CLASS: Final = Loss("toFloat64({row}.answer != {truth}.truth)", "({row}.answer != '' AND {truth}.truth != '')")
_NUMBER: Final = Loss(
    "abs(assumeNotNull({row}.value) - assumeNotNull({truth}.true_value))",
    "(isNotNull({row}.value) AND isNotNull({truth}.true_value) AND {truth}.truth != '')",
)


def loss_of(target: Target) -> Loss:
    """By what the model predicts; rows of classes need the column `answer` (`PREDICTED`)."""
    return _NUMBER if target.task == REGRESSION else _CLASS

"""What a model predicts: its task, its classes and which of them is the positive one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.performance.rows import Rows
from modelspan_collector.store.connect import Store

BINARY: Final = "binary"
MULTICLASS: Final = "multiclass"
REGRESSION: Final = "regression"
MAX_CLASSES: Final = 100

_POSITIVE = ("1", "true", "True", "yes", "Yes", "y", "Y", "positive", "fraud", "bad")
_CARD = "SELECT task, classes FROM models FINAL WHERE model = {model:String} ORDER BY timestamp DESC LIMIT 1"
_SEEN = """
SELECT arraySort(groupUniqArray(101)(label)) AS predicted, arraySort(groupUniqArray(101)(truth)) AS truths,
       arraySort(groupUniqArrayArray(101)(mapKeys(scores))) AS scored, min(value) AS lowest, max(value) AS highest
FROM ({rows})
"""


@dataclass(frozen=True, slots=True)
class Target:
    """The task, and its classes in the order of confusion matrices; a binary model's positive class is the last."""

    task: str
    classes: tuple[str, ...] = ()

    @property
    def positive(self) -> str:
        """The positive class of a binary model; '' otherwise."""
        return self.classes[-1] if self.task == BINARY else ""

    @property
    def negative(self) -> str:
        """The other class of a binary model; '' otherwise."""
        return self.classes[0] if self.task == BINARY else ""


def find_target(store: Store, model: str, sources: Sequence[Rows], positive: str = "") -> Target:
    """What a model predicts, by its card and by what was seen in rows.

    Args:
        store: the store.
        model: the model's name.
        sources: rows of the window and of the baseline.
        positive: the positive class; if not given it is the one of the usual names, else the card's or alphabet's last.
    """
    card = store.rows(_CARD, {"model": model})
    if card and card[0]["task"] == REGRESSION:
        return Target(REGRESSION)
    classes = list(card[0]["classes"]) if card else []
    bounded = True
    for rows in sources:
        seen = store.rows(_SEEN.format(rows=rows.sql), rows.parameters)[0]
        named = [name for name in [*seen["predicted"], *seen["scored"]] if name]
        truths = [name for name in seen["truths"] if name]
        bounded &= seen["lowest"] is None or (seen["lowest"] >= 0 and seen["highest"] <= 1)
        if named or (bounded and set(truths) <= {"0", "1", "true", "false"}):
            classes = list(dict.fromkeys([*classes, *named, *truths]))
    return classify(classes, positive)


def classify(classes: Sequence[str], positive: str = "") -> Target:
    """The target of these classes; none, or more than `MAX_CLASSES`, is a regression.

    Raises:
        ValueError: the positive class is not one of two.
    """
    if not classes or len(classes) > MAX_CLASSES:
        return Target(REGRESSION)
    if len(classes) > 2:
        return Target(MULTICLASS, tuple(classes))
    if len(classes) == 1:
        classes = [_opposite(classes[0]), classes[0]]
    chosen = positive or next((name for name in _POSITIVE if name in classes), classes[-1])
    if chosen not in classes:
        raise ValueError(f"the positive class {chosen!r} is not one of {', '.join(classes)}; correct `positive_class`")
    return Target(BINARY, (next(name for name in classes if name != chosen), chosen))


def _opposite(only: str) -> str:
    return {"1": "0", "0": "1", "true": "false", "false": "true"}.get(only, f"not {only}")

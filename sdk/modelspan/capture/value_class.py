"""Which of two classes the value of a prediction is the score of: the same for every row, whatever order it came in.

Answers are often sorted by score, as those of text classifiers, so the order in which an answer has its classes means
nothing; their names do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from modelspan._failsafe import swallowed
from modelspan.conventions import POSITIVE_CLASSES, positive_of


def value_class(answered: Collection[str], told: Sequence[str] | None, seen: set[str] | None) -> str | None:
    """The class whose score is the value; None where there are not two.

    Args:
        answered: the classes that an answer names.
        told: the classes as the caller of the SDK told them; of two the second counts.
        seen: the classes of earlier answers, to which these are added. Of more than two in all, such as the best two of
            many, none is the class of every answer.
    """
    if told is not None and set(answered) <= set(told):
        return told[1] if len(told) == 2 and told[1] in answered else None
    named = set(answered)
    if seen is not None:
        if len(seen) <= 2:
            seen |= named
        named |= seen
    if len(answered) == 2 and len(named) > 2:
        swallowed(
            "answers with the scores of two classes name more than two in all: no score is the value of every answer,"
            " and none is recorded as such; classes= names two"
        )
    if len(answered) != 2 or len(named) > 2:
        return None
    positive = positive_of(sorted(answered))
    if positive not in POSITIVE_CLASSES:
        swallowed(
            "of two classes the value of a prediction is the score of the one whose name sorts last, in whichever order"
            " the answers have them; classes= with the other one as its second says otherwise"
        )
    return positive

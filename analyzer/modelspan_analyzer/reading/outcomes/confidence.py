"""Of which of two classes the value beside an answer is the score: of the positive one, the other, or the answered.

All are a number beside a label, and their ranges tell them apart. Told by a threshold from the score of one class, the
values of the two answers do not overlap, and those of that class lie above. Of the class that was answered, as text
classifiers give it, they overlap, and none is below a half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_KNOWN = "label != '' AND empty(scores) AND isFinite(value)"
_ENDS = {"first_least": ("min", ""), "first_most": ("min", "-"), "last_least": ("max", "-"), "last_most": ("max", "")}
RANGES: Final = ", ".join(
    f"{which}If((toString(label), {sign}assumeNotNull(value)), {_KNOWN}) AS {name}"
    for name, (which, sign) in _ENDS.items()
)
"""SQL of the ends of the values of the first and of the last label, as tuples are compared by the label first."""
AS_POSITIVE: Final = """if(
    notEmpty(scores) OR isNull(value) OR NOT ({{whole:Bool}} OR (label != '' AND label != {{scored:String}})),
    value, 1 - value) AS value"""
"""SQL of the score of the positive class of two; its braces are those of a parameter after one more `format`."""
_FEW: Final = 20
"""Of fewer rows, ranges lie as they do by chance."""
Classes = frozenset[str]


def classes_of_values(seen: Mapping[str, Any]) -> Classes | None:
    """Of which of two classes values are the score, by the ends of their ranges; of both where of the answered one.

    Of none where the ranges fit neither; None where there are not two labels, or few rows.

    >>> ends = {"first_least": ("no", 0.51), "first_most": ("no", -0.98), "n": 100}
    >>> sorted(classes_of_values({**ends, "last_least": ("yes", -0.6), "last_most": ("yes", 0.99)}))
    ['no', 'yes']
    >>> sorted(classes_of_values({**ends, "last_least": ("yes", -0.01), "last_most": ("yes", 0.4)}))
    ['no']
    >>> constant = {"first_least": ("no", 0.6), "first_most": ("no", -0.6), "n": 100}
    >>> sorted(classes_of_values({**constant, "last_least": ("yes", -0.6), "last_most": ("yes", 0.6)}))
    []
    """
    (first, low), (_, high), (last, least), (_, most) = (seen[name] for name in _ENDS)
    high, least = -high, -least
    if not first or first == last or seen["n"] < _FEW:
        return None
    if min(low, least) < 0 or max(high, most) > 1:
        return frozenset()
    if most < low or high < least:
        return frozenset({first if most < low else last})
    confident = min(low, least) >= 0.5 and max(high, most) > min(low, least)  # one value for all is no confidence
    return frozenset({first, last} if confident else ())


def said(classes: Classes, positive: str) -> str:
    """What is said of values that are of other classes than the positive one."""
    if len(classes) > 1:
        return (
            "values are taken for the probability of the class that was answered, as of neither one is below 0.5:"
            f" recording the scores of both classes, or always the one of {positive}, settles it"
        )
    (of_value,) = classes
    return (
        f"values are taken for the probability of {of_value}, whose answers have the higher ones, and turned round for"
        f" {positive}: `positive_class` names another one"
    )


def agreed(found: Sequence[Classes | None], classes: tuple[str, ...]) -> Classes:
    """Of which classes the values of several sources are, where all that tell say the same; else of none."""
    told = {one for one in found if one is not None}
    of_values = next(iter(told)) if len(told) == 1 else frozenset()
    return of_values if of_values <= set(classes) else frozenset()

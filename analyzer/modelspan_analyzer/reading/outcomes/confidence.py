"""Values that are the score of the label that was answered, as text classifiers give it, not of the positive class.

Both are a number beside a label. Told by a threshold from the score of one class, the values of two labels do not
overlap, and those of one of them go below a half; of the likelier of two classes, none is below a half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_KNOWN = "label != '' AND empty(scores) AND isFinite(value)"
_ENDS = {"first_least": ("min", ""), "first_most": ("min", "-"), "last_least": ("max", "-"), "last_most": ("max", "")}
RANGES: Final = ", ".join(
    f"{which}If((toString(label), {sign}assumeNotNull(value)), {_KNOWN}) AS {name}"
    for name, (which, sign) in _ENDS.items()
)
"""SQL of the ends of the values of the first and of the last label, as tuples are compared by the label first."""
AS_POSITIVE: Final = (
    "if(label = '' OR label = {{scored:String}} OR notEmpty(scores) OR isNull(value), value, 1 - value) AS value"
)
"""SQL of the score of the positive class of two; its braces are those of a parameter after one more `format`."""
SAID: Final = (
    "values are taken for the probability of the class that was answered, as of neither one is below 0.5: recording the"
    " scores of both classes, or always the one of {positive}, settles it"
)


def is_of_label(seen: Mapping[str, Any]) -> bool | None:
    """Whether the values of two labels, by the ends of their ranges, are those of the label; None where nothing tells.

    >>> ends = {"first_least": ("no", 0.51), "first_most": ("no", -0.98)}
    >>> is_of_label({**ends, "last_least": ("yes", -0.6), "last_most": ("yes", 0.99)})
    True
    >>> is_of_label({**ends, "last_least": ("yes", -0.01), "last_most": ("yes", 0.4)})
    False
    """
    (first, low), (_, high), (last, least), (_, most) = (seen[name] for name in _ENDS)
    high, least = -high, -least
    if not first or first == last:
        return None
    return bool(min(low, least) >= 0.5 and max(high, most) <= 1 and low < most and least < high)

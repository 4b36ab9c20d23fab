"""One value of an answer as a plain scalar, and a class as the text that it is everywhere."""

from __future__ import annotations

from typing import Any

from modelspan.capture import values


def scalar_of(result: Any) -> bool | int | float | str | None:
    """A plain scalar out of Python's, NumPy's and Arrow's; None for all else."""
    frozen = values.freeze(result)
    if hasattr(frozen, "item"):
        frozen = frozen.item()
    if isinstance(frozen, str):
        return values.clean(frozen[: values.MOST_CHARACTERS])
    if isinstance(frozen, (bool, int, float)):
        return frozen
    return float(frozen) if hasattr(frozen, "as_integer_ratio") else None  # Decimal


def class_name(value: Any) -> str:
    """A class as text, as it is written wherever it comes from: 1 for 1.0, `true` for True."""
    scalar = value if isinstance(value, str) else scalar_of(value)
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    if isinstance(scalar, float) and scalar.is_integer() and abs(scalar) < 2**63:
        return str(int(scalar))
    return values.clean(str(value if scalar is None else scalar)[: values.MOST_CHARACTERS])


def is_number(value: Any) -> bool:
    """Whether a plain scalar is a number; a flag is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)

"""How a p-value is written: one too small for a number is a bound, never 0."""

from __future__ import annotations

from typing import Final

SMALLEST: Final = 1e-300
"""Below it numbers lose their digits, and end as 0."""


def p_words(p_value: float, name: str = "p") -> str:
    """A p-value behind its name.

    >>> p_words(0.00123), p_words(0.0, "adjusted p"), p_words(1.0)
    ('p 0.0012', 'adjusted p < 1e-300', 'p 1')
    """
    return f"{name} {p_text(p_value)}"


def p_text(p_value: float) -> str:
    """A p-value alone, as in a cell of a table.

    >>> p_text(0.0), p_text(0.25)
    ('< 1e-300', '0.25')
    """
    return _BOUND if p_value < SMALLEST else f"{p_value:.2g}"


_BOUND: Final = f"< {SMALLEST:g}"

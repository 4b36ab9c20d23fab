"""What a user says of how the text of a file is written, where it does not tell itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Written:
    """What settles a guess before there are columns: `--encoding`, `--skip-rows` and `--date-order`."""

    encoding: str = ""
    """The encoding of the text; told from its bytes if empty."""
    skip_rows: int | None = None
    """Lines above the header; told from the lines if None."""
    date_order: str = ""
    """Of dates such as 26/01/31, one of `date_order.ORDERS`; told from each column if empty."""


AS_FOUND: Final = Written()

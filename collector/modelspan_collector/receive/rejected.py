"""What of a request was not taken, in the words of OTLP's partial success."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejected:
    """Items that were not taken, or not wholly."""

    count: int = 0
    message: str = ""
    """Why, for the first of them; with a count of 0 a warning about what was left out of an item."""

    def __add__(self, other: Rejected) -> Rejected:
        """Both together."""
        return Rejected(self.count + other.count, "; ".join(part for part in (self.message, other.message) if part))


NOTHING = Rejected()

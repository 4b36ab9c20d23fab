"""The analyzer: asks the store the questions that matter, and says what it found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelspan_analyzer.two_frames import compare_frames

__all__ = ["compare_frames"]


def __getattr__(name: str) -> object:
    """Import on use, as whoever imports a part of the analyzer need not pay for all of it."""
    if name == "compare_frames":
        from modelspan_analyzer.two_frames import compare_frames

        return compare_frames
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Every test of the SDK fails for what the SDK swallowed unasked."""

from __future__ import annotations

from swallowing import nothing_swallowed_unasked

__all__ = ["nothing_swallowed_unasked"]

"""The base of all settings."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict

_LEVELS: Final = frozenset({"alpha", "confidence", "thresholds", "preset", "slo"})


class Settings(BaseModel):
    """Strict types, no unknown keys, no infinite numbers, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def level_given(section: object) -> bool:
    """Whether anybody said in a section when it alarms: by a level, a threshold, a preset or a bound.

    >>> level_given(Settings())
    False
    """
    if not isinstance(section, Settings):
        return False
    given = section.model_fields_set
    return bool(given & _LEVELS) or any(level_given(getattr(section, name)) for name in given)

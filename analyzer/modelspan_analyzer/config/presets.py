"""Whose default rule decides on drift: `modelspan`'s own, or another product's (see `verdicts.presets`)."""

from __future__ import annotations

from typing import Literal

Preset = Literal["modelspan", "azure", "evidently", "nannyml"]

"""The `incidents` section of `monitors.yaml`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.durations import Duration


class IncidentSettings(Settings):
    """Who is called when a model misbehaves, and how grave it is."""

    owner: str = Field("", description="person or team who is called")
    runbook: str = Field("", description="address of what to do")
    together: Duration = Field(timedelta(minutes=15), description="findings that begin within this are one incident")
    resolve_after: int = Field(2, ge=1, description="so many good windows in a row end a finding")
    reopen_within: Duration = Field(timedelta(hours=1), description="a finding back so soon reopens its incident")
    forget_after: Duration = Field(timedelta(days=1), description="a finding without news for so long is ended")
    explain: int = Field(6, ge=0, description="findings of a window that are explained from traces (0: none)")
    critical_share: float = Field(0.3, gt=0, le=1, description="share of predictions affected that is critical")
    info_share: float = Field(
        0.01, ge=0, le=1, description="share of predictions affected below which it is only noted"
    )
    value: float = Field(0.0, ge=0, description="what one affected prediction costs")
    critical_value: float | None = Field(None, gt=0, description="cost of all affected predictions that is critical")

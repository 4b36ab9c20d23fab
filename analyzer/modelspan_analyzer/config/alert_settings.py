"""The `alerts` section of `monitors.yaml`."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field, field_validator, model_validator

from modelspan_analyzer.config.addresses import Address, Base
from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.cron import CronLine
from modelspan_analyzer.config.durations import Duration
from modelspan_collector.forward.destination import Destination, parse


class MaintenanceSettings(Settings):
    """A stretch of time without alerts: once, from `start` to `end`, or again and again, by `cron` and `lasts`."""

    start: datetime | None = Field(None, strict=False, description="beginning, with time zone")
    end: datetime | None = Field(None, strict=False, description="end, with time zone")
    cron: CronLine | None = Field(None, description="a cron line (UTC) that names the beginnings")
    lasts: Duration = Field(timedelta(hours=1), description="how long each lasts that `cron` names")
    models: tuple[str, ...] = Field((), description="only these models; all if not given")

    @model_validator(mode="after")
    def _one_way(self) -> MaintenanceSettings:
        once = self.model_fields_set & {"start", "end"}
        again = self.model_fields_set & {"cron", "lasts"}
        if bool(once) == bool(again) or not (once == {"start", "end"} or self.cron is not None):
            raise ValueError("a maintenance window needs either `start` and `end`, or `cron` and `lasts`")
        if any(moment is not None and moment.tzinfo is None for moment in (self.start, self.end)):
            raise ValueError("a maintenance window needs times with a time zone, such as 2026-01-31T22:00:00Z")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"a maintenance window ends ({self.end:%F %R}) after its start ({self.start:%F %R})")
        return self


class AlertSettings(Settings):
    """Where alerts go and where they lead."""

    alertmanagers: tuple[Base, ...] = Field((), description="Alertmanagers to push to, without a Prometheus between")
    resend: Duration = Field(timedelta(minutes=1), description="how often an open incident is pushed again")
    events: str = Field(
        "", description="OTLP endpoint of events of verdicts, as http://localhost:4318 or grpc://…:4317"
    )
    web: Base = Field("", description="address of modelspan's pages, for links; `up` takes its own where none is given")
    dashboard: Address = Field("", description="address of a dashboard; {model} and {incident} are filled in")
    trace: Address = Field("", description="address of a trace, as http://jaeger:16686/trace/{trace_id}")
    hold: Duration = Field(timedelta(minutes=1), description="how long an incident is open before its alert fires")
    remember: Duration = Field(
        timedelta(hours=1), description="how long what modelspan said last stands while it is not scraped or restarts"
    )
    silent_after: Duration = Field(
        timedelta(minutes=30), description="a model without predictions for so long alarms, if it never paused longer"
    )
    stalled_after: Duration = Field(timedelta(hours=3), description="an analyzer without a finished run so long alarms")
    behind: Duration = Field(
        timedelta(minutes=15), description="predictions whose window has been due for so long alarm"
    )
    lag: Duration = Field(timedelta(minutes=5), description="oldest data waiting for the store that alarms")
    maintenance: tuple[MaintenanceSettings, ...] = Field((), description="when alerts are held back")

    @field_validator("remember")
    @classmethod
    def _longer_than_a_scrape(cls, given: timedelta) -> timedelta:
        if given < timedelta(minutes=1):
            raise ValueError("shorter than 1m, every missed scrape would end all alerts and send them again")
        return given

    @field_validator("events")
    @classmethod
    def _an_endpoint(cls, given: str) -> str:
        if given and (found := parse(given)) != Destination(found.url, headers=found.headers):
            raise ValueError("events take no option but header.NAME: all of them are sent, and wait until they are")
        return given

    @field_validator("dashboard", "trace")
    @classmethod
    def _fillable(cls, given: str) -> str:
        try:
            given.format(model="", incident="", trace_id="")
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"cannot fill in {given!r}: only {{model}} and {{incident}} (dashboard) or {{trace_id}} (trace) are "
                "known; write {{ and }} for braces of the address itself"
            ) from error
        return given

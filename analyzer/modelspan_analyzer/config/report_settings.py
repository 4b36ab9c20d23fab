"""The `reports` section of `monitors.yaml`: what is made of models on schedule, and where it goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from modelspan_analyzer.config.addresses import Address
from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.cron import CronLine, parse_cron
from modelspan_analyzer.config.durations import Duration

_HOUR: Final = timedelta(hours=1)


class ReportSettings(Settings):
    """A report of models, or a digest of teams, made again and again."""

    name: str = Field(min_length=1, max_length=80, description="name of the report, in file names and the audit log")
    models: tuple[str, ...] = Field((), description="models that are reported on, a report each; all if not given")
    digest: Literal["owner", "project"] | None = Field(
        None, description="one document over all models of each owner, or of each project, instead of one a model"
    )
    owners: tuple[str, ...] = Field(
        (), description="owners whose digests are made, '' for models of nobody; all if none"
    )
    projects: tuple[str, ...] = Field(
        (), description="projects whose digests are made, '' for models of none; all if none"
    )
    every: Duration = Field(timedelta(days=7), description="how often, counted from midnight UTC of 1970-01-01")
    cron: CronLine | None = Field(None, description="a cron line (UTC) instead of `every`, such as '0 6 * * mon'")
    covers: Duration | None = Field(None, description="how long before; all since the report before if not given")
    formats: tuple[Literal["html", "pdf", "md", "json"], ...] = Field(("html",), min_length=1, description="files made")
    summary: bool = Field(False, description="the page for an owner, instead of all that is on record")
    folder: str = Field("", description="whole path of a folder that files are written to")
    webhook: Address = Field("", description="URL that the report is posted to")
    secret_env: str = Field("", description="environment variable with the key that signs the post (HMAC-SHA256)")
    headers: dict[str, str] = Field({}, description="further headers of the post")

    @field_validator("folder")
    @classmethod
    def _whole_path(cls, given: str) -> str:
        if given and not Path(given).is_absolute():
            raise ValueError(f"{given!r} depends on where the process was started; write the whole path, as /reports")
        return given

    @model_validator(mode="after")
    def _goes_somewhere(self) -> ReportSettings:
        if not (self.folder or self.webhook):
            raise ValueError(f"the report {self.name!r} goes nowhere; give a `folder`, a `webhook`, or both")
        if self.cron is not None and "every" in self.model_fields_set:
            raise ValueError(f"the report {self.name!r} has both `every` and `cron`; keep one")
        return self

    @model_validator(mode="after")
    def _of_models_or_of_teams(self) -> ReportSettings:
        named = {"owner": ("owners", self.owners), "project": ("projects", self.projects)}
        for by, (field, given) in named.items():
            if given and self.digest != by:
                raise ValueError(
                    f"the report {self.name!r} chooses {field}, which digests alone do: say `digest: {by}`"
                )
        if self.digest and (self.models or self.summary):
            field = "models" if self.models else "summary"
            raise ValueError(
                f"the report {self.name!r} is a digest, of teams and not of single models: leave out `{field}`"
                + (f", or choose `{named[self.digest][0]}`" if self.models else "")
            )
        return self

    @model_validator(mode="after")
    def _of_whole_hours(self) -> ReportSettings:
        short = [name for name in ("every", "covers") if (span := getattr(self, name)) is not None and span < _HOUR]
        if self.digest and short:
            raise ValueError(f"the report {self.name!r} is a digest, of whole hours: give `{short[0]}` at least 1h")
        if self.digest and self.cron is not None and len(parse_cron(self.cron).minutes) > 1:
            raise ValueError(
                f"the report {self.name!r} is a digest, of whole hours, and its `cron` comes more than once an hour: "
                "name one minute, such as '0 7 * * mon'"
            )
        return self

    @property
    def teams(self) -> tuple[str, ...]:
        """The owners, or projects, whose digests are made; all where there are none."""
        return self.owners or self.projects

"""What a schedule makes, a report of a model or a digest of a team, with what its places have to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelspan_analyzer.config.report_settings import ReportSettings
from modelspan_analyzer.reports.write import write
from modelspan_analyzer.views.digest import Digest
from modelspan_analyzer.views.report import Report


@dataclass(frozen=True, slots=True)
class Made:
    """One document of a schedule, whatever it is of."""

    shown: Report | Digest
    names: tuple[str, ...]
    """Parts of its files' names, before that of the report."""
    told: Mapping[str, str]
    """What a post says that it is of."""
    state: str
    since: datetime | None
    until: datetime
    """End of what it tells of."""

    def write(self, ending: str, settings: ReportSettings) -> bytes:
        """A file of it."""
        return write(self.shown, ending, brief=settings.summary)

    @property
    def model(self) -> str:
        """The model that it is of; empty for a team's."""
        return self.told.get("model", "")

    @property
    def version(self) -> str:
        """The version that it is of; empty for a team's."""
        return self.told.get("version", "")


def of_model(report: Report, until: datetime) -> Made:
    """The report of one model, until a moment."""
    asked = report.model.asked
    since = asked.window.start if asked.window else None
    told = {"model": asked.model, "version": asked.version}
    return Made(report, (asked.model, asked.version), told, report.model.member.state, since, until)


def of_team(digest: Digest) -> Made:
    """The digest of one team: its files are called `owner-NAME-…`, and those of nobody's models `no-owner-…`."""
    by = digest.by or "owner"
    names = (by, digest.team) if digest.team else (f"no-{by}",)
    return Made(digest, names, {by: digest.team}, digest.state, digest.since, digest.until)

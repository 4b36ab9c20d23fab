"""Which team a model's version is of: its owner, or the project that its model is part of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading.names import brief, named
from modelspan_analyzer.reading.owners import Owners, owners
from modelspan_analyzer.reading.projects import projects_of
from modelspan_analyzer.views.view import NotThereError
from modelspan_collector.store.connect import Store

By = Literal["owner", "project"]
OWNER: Final[By] = "owner"
PROJECT: Final[By] = "project"


@dataclass(frozen=True, slots=True)
class Team:
    """Whose models a digest is of; those of nobody where the name is empty, and all where it is of neither kind."""

    by: By | None = None
    name: str = ""

    def has(self, owner: str, project: str) -> bool:
        """Whether a version of this owner and project is one of its."""
        return self.by is None or self.name == (owner if self.by == OWNER else project)

    @property
    def words(self) -> str:
        """As a sentence has it."""
        if self.by is None:
            return "all models"
        if not self.name:
            return f"models of no {self.by}"
        return brief(self.name) if self.by == OWNER else f"the project {brief(self.name)}"


class Teams:
    """Who owns what, and what is part of what, by the rules that hold everywhere."""

    def __init__(self, store: Store, config: MonitorsConfig) -> None:
        self._config = config
        self._owners: Owners = owners(store)
        self._projects: Mapping[str, str] = projects_of(store)

    def of(self, by: By, model: str, version: str) -> str:
        """The name of a version's team; empty where it has none."""
        if by == PROJECT:
            return self._projects.get(model, "")
        return self._owners.of(model, version, self._config.for_model(model, version).incidents.owner)


def need_team(team: Team, there: Collection[str]) -> None:
    """Refuse a team that no model is of.

    Raises:
        NotThereError: none is; the message names those that some are of, the closest first.
    """
    if team.by is not None and team.name not in there:
        known = named(team.name, sorted(set(there) - {""}), team.by)
        if not there:
            raise NotThereError("there is no model")
        if not team.name:
            raise NotThereError(f"no model is of nobody: each has {'an owner' if team.by == OWNER else 'a project'}")
        raise NotThereError(f"no model is of {team.by} {brief(team.name)!r}; there is {known}")

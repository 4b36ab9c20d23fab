"""What each role may do, in one table, by route: what is not in it is for nobody but an admin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Role(IntEnum):
    """What a token stands for; each may do what those below it may."""

    VIEWER = 1
    """Looks: pages, results, incidents, predictions and why."""
    OPERATOR = 2
    """Acts on what is watched: incidents, opinions, labels, baselines; and asks in SQL, which shows every row."""
    ADMIN = 3
    """Acts on the store: backups, erasure."""

    @property
    def word(self) -> str:
        """As the file of tokens has it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use one route."""

    least: Role | None
    """None where nobody is asked for a token."""
    of_tenants: bool = True
    """Whether a tenant with a database of its own may use it, on that database; False where it tells of the process."""
    of_projects: bool = True
    """Whether a token of projects may use it, on their models; False where it tells of more, or cannot be cut."""

    def lets(self, role: Role, *, of_tenant: bool, of_project: bool) -> bool:
        """Whether a token of a role may use it: a tenant's with a database of its own, one of projects, or neither."""
        if self.least is None:
            return True
        return role >= self.least and (self.of_tenants or not of_tenant) and (self.of_projects or not of_project)


_OPEN: Final = Rule(None)
_LOOK: Final = Rule(Role.VIEWER)
_ACT: Final = Rule(Role.OPERATOR)
_OWN: Final = Rule(Role.ADMIN, of_tenants=False, of_projects=False)


def _page(path: str, rule: Rule) -> dict[str, Rule]:
    """A page, and the same view as JSON and as CSV."""
    stem = "/index" if path == "/" else path
    return dict.fromkeys((f"GET {path}", f"GET {stem}.json", f"GET {stem}.csv"), rule)


MAY: Final[Mapping[str, Rule]] = {
    **_page("/", _LOOK),
    **_page("/digest", _LOOK),
    **_page("/model", _LOOK),
    "POST /model/stages": _ACT,
    **_page("/feature", _LOOK),
    **_page("/compare", _LOOK),
    **_page("/incidents", _LOOK),
    **_page("/incidents/{incident_id}", _LOOK),
    "POST /incidents/{incident_id}": _ACT,
    "POST /incidents/{incident_id}/steps": _ACT,
    **_page("/prediction", _LOOK),
    **_page("/monitors", _LOOK),
    **_page("/sql", Rule(Role.OPERATOR, of_tenants=False, of_projects=False)),
    "GET /static/{name}": _OPEN,
    "GET /healthz": _OPEN,
    "GET /readyz": _OPEN,
    "GET /login": _OPEN,
    "POST /login": _OPEN,
    "POST /logout": _OPEN,
    "GET /metrics": Rule(Role.VIEWER, of_tenants=False),
    "GET /api/openapi.json": _LOOK,
    "GET /api/models": _LOOK,
    "GET /api/models/{model:path}/stages": _LOOK,
    "POST /api/models/{model:path}/stages": _ACT,
    "GET /api/results": _LOOK,
    "GET /api/drift": _LOOK,
    "GET /api/feature_windows": _LOOK,
    "GET /api/baselines": _LOOK,
    "POST /api/baselines": _ACT,
    "GET /api/incidents": _LOOK,
    "GET /api/incidents/{incident_id}": _LOOK,
    "POST /api/incidents/{incident_id}/feedback": _ACT,
    "POST /api/incidents/{incident_id}/steps": _ACT,
    "GET /api/feedback": _LOOK,
    "GET /api/why": _LOOK,
    "GET /api/moved": Rule(Role.VIEWER, of_projects=False),
    "GET /api/breakdown": _LOOK,
    "POST /api/labels": _ACT,
    "POST /api/backups": _OWN,
    "POST /api/forget": _OWN,
}
"""The rule of each route, by `METHOD /path`; HEAD is as GET."""
_NOT_NAMED: Final = _OWN


def rule_of(method: str, path: str) -> Rule:
    """The rule of a route; of one that is not in the table, the strictest."""
    return MAY.get(f"{'GET' if method == 'HEAD' else method} {path}", _NOT_NAMED)

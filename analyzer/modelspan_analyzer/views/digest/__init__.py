"""A week of a team: one short document over all its models, cut out of facts that are read once for all teams."""

from modelspan_analyzer.views.digest.facts import Facts, collect
from modelspan_analyzer.views.digest.span import Span, asked_span, span_of
from modelspan_analyzer.views.digest.teams import OWNER, PROJECT, By, Team, Teams, need_team
from modelspan_analyzer.views.digest.view import PARAMETERS, Digest, digest_of, read

__all__ = [
    "OWNER",
    "PARAMETERS",
    "PROJECT",
    "By",
    "Digest",
    "Facts",
    "Span",
    "Team",
    "Teams",
    "asked_span",
    "collect",
    "digest_of",
    "need_team",
    "read",
    "span_of",
]

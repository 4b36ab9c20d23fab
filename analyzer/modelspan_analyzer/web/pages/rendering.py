"""Templates, and how values look in them: everything is text unless a chart drew it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from modelspan_analyzer.charts import prose
from modelspan_analyzer.charts import text as readable
from modelspan_analyzer.instants import in_words
from modelspan_analyzer.reports import digest
from modelspan_analyzer.verdicts.p_value import p_text
from modelspan_analyzer.web.access.roles import rule_of
from modelspan_analyzer.web.access.sessions import FORM_FIELD, form_token
from modelspan_analyzer.web.access.visitors import may_use, visitor_of
from modelspan_analyzer.web.pages.static import address

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_NUMBERS: Final = ("Int", "UInt", "Float", "Decimal")
"""How the types of numbers begin in ClickHouse."""
_ABSENT: Final = "–"


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    title: str
    path: str


NAVIGATION: Final = (
    Place("Fleet", "/"),
    Place("Incidents", "/incidents"),
    Place("Prediction", "/prediction"),
    Place("Monitors", "/monitors"),
    Place("SQL", "/sql"),
)
"""The pages that stand for themselves, in their order."""


def render(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    stranger: bool = False,
    **shown: Any,
) -> Response:
    """A page from its template; a stranger is led nowhere that asks for a token."""

    def may(route: str, method: str = "GET") -> bool:
        return may_use(visitor_of(request), rule_of(method, route), stranger=stranger)

    given = {
        "path": request.url.path,
        "query": dict(request.query_params),
        "navigation": [place for place in NAVIGATION if may(place.path)],
        "may": may,
        "visitor": visitor_of(request),
        "form_token": Markup('<input type="hidden" name="{}" value="{}">').format(FORM_FIELD, form_token(request)),
        **shown,
    }
    text = _environment().get_template(template).render(given)
    return HTMLResponse(text.encode("utf-8", "replace"), status_code=status, headers=headers)


def url(path: str, **given: object) -> str:
    """An address with those parameters that say something; names may be anything, and a version's may be empty.

    >>> url("/model", model="a/b.json", version="", segment="")
    '/model?model=a%2Fb.json&version='
    """
    said = {name: value for name, value in given.items() if value is not None and (value != "" or name == "version")}
    told = {name: str(value).encode("utf-8", "replace") for name, value in said.items()}
    return f"{path}?{urlencode(told)}" if told else path


def moment(value: datetime | None) -> str:
    """A time in UTC, which the script shows in the reader's zone as well."""
    if value is None:
        return _ABSENT
    at = value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M}")


def moment_whole(value: datetime) -> str:
    """A time of an answer, to the digit that it has."""
    return value.isoformat(" ").removesuffix("+00:00")


def capitalize_first(text: str) -> str:
    """A sentence that begins as one, with all else as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def number(value: float | None) -> str:
    """A number as people read it; what is absent is not 0.

    >>> number(1234567), number(0.123456), number(None)
    ('1,234,567', '0.123', '–')
    """
    if value is None or value != value:
        return _ABSENT
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e9):
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def share(value: float | None) -> str:
    """A share in per cent.

    >>> share(0.43021)
    '43.0 %'
    """
    return _ABSENT if value is None or value != value else f"{100 * value:.1f} %"


def seconds(value: float | None) -> str:
    """A duration in the unit that fits it.

    >>> seconds(0.00936), seconds(2.5), seconds(None)
    ('9.36 ms', '2.5 s', '–')
    """
    return _ABSENT if value is None or value != value else in_words(value)


def raw(text: str) -> Markup:
    """A text as a form has to send it back: with what no page shows as it is."""
    return escape(text)


def _readable(value: object) -> object:
    """Text without what would rearrange or break the page around it: shown as what it is."""
    return readable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def points(value: float | None) -> str:
    """A difference of two shares, in percentage points.

    >>> points(0.031), points(-0.4)
    ('+3.1 pp', '-40.0 pp')
    """
    return _ABSENT if value is None or value != value else f"{100 * value:+.1f} pp"


def words(name: str) -> str:
    """A name of ours in words: `not_enough_data` is not enough data."""
    return name.replace("_", " ")


def brief(text: str, most: int = 120) -> str:
    """A text that fits into a line."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_readable,
    )
    made.filters["raw"] = raw
    made.globals |= {"url": url, "static": address}
    made.globals |= {"most_models": digest.MOST_MODELS, "most_incidents": digest.MOST_INCIDENTS}
    made.globals["most_lines"] = digest.MOST_LINES
    shown = (moment, moment_whole, capitalize_first, number, share, points, seconds, words, brief, p_text, prose)
    made.tests["number_type"] = lambda kind: kind.removeprefix("Nullable(").startswith(_NUMBERS)
    made.tests["moment_like"] = lambda value: isinstance(value, datetime)
    of_digest = (
        digest.changed,
        digest.slowness,
        digest.typical,
        digest.hands,
        digest.cause,
        digest.burned,
        digest.listed,
        digest.stages_said,
        digest.as_known,
    )
    made.filters |= {each.__name__: each for each in (*shown, *of_digest)}
    return made

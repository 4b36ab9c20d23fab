"""Writes the dashboards of `queries.py` as Grafana's JSON: python deploy/grafana/generate.py"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from queries import CLICKHOUSE, DASHBOARDS, PROMETHEUS, VARIABLES, Dashboard, Panel

FOLDER = Path(__file__).parent / "dashboards"
HEIGHT, COLUMNS = 8, 24
SOURCES = {
    PROMETHEUS: {"type": "prometheus", "uid": "modelspan-prometheus"},
    CLICKHOUSE: {"type": "grafana-clickhouse-datasource", "uid": "modelspan-clickhouse"},
}
_TABLE, _TIME_SERIES = 1, 0
"""The ClickHouse plugin's numbers of its formats."""

_EXPLORE = {
    "trace": {
        "datasource": "modelspan-traces",
        "queries": [{"refId": "A", "query": "${__value.raw}"}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
}
LINKS = {
    "TraceId": ("Show the trace", f"/explore?schemaVersion=1&panes={quote(json.dumps(_EXPLORE), safe='${}')}"),
    "incident_id": ("Show the incident", "/d/modelspan-incident?var-incident=${__value.raw}&${__url_time_range}"),
    "model": ("Show the model", "/d/modelspan-model?var-model=${__value.raw}&${__url_time_range}"),
}
"""Where the values of a table's columns lead."""


def dashboard_json(page: Dashboard) -> dict[str, Any]:
    """One dashboard in Grafana's model."""
    return {
        "uid": page.uid,
        "title": page.title,
        "tags": ["modelspan"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_variable(name) for name in page.variables]},
        "links": [{"type": "dashboards", "tags": ["modelspan"], "title": "modelspan", "asDropdown": True}],
        "panels": [
            _panel(number, panel, place) for number, (panel, place) in enumerate(_laid_out(page.panels), start=1)
        ],
    }


def _laid_out(panels: tuple[Panel, ...]) -> list[tuple[Panel, dict[str, int]]]:
    """Panels from left to right, a new row where the next does not fit."""
    placed, x, y = [], 0, 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y = 0, y + HEIGHT
        placed.append((panel, {"x": x, "y": y, "w": panel.width, "h": HEIGHT}))
        x += panel.width
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "description": panel.description,
        "gridPos": place,
        "datasource": SOURCES[panel.source],
        "fieldConfig": {"defaults": {"unit": panel.unit} if panel.unit else {}, "overrides": _overrides(panel)},
        "targets": [_target(panel)],
    }


def _overrides(panel: Panel) -> list[dict[str, Any]]:
    """Links on the columns that name something with a page of its own."""
    if panel.kind != "table":
        return []
    return [
        {
            "matcher": {"id": "byName", "options": column},
            "properties": [{"id": "links", "value": [{"title": title, "url": url}]}],
        }
        for column, (title, url) in LINKS.items()
        if re.search(rf"\b{column}\b.*\bFROM\b", panel.query)
    ]


def _target(panel: Panel) -> dict[str, Any]:
    common = {"refId": "A", "datasource": SOURCES[panel.source]}
    if panel.source == PROMETHEUS:
        return {
            **common,
            "expr": panel.query,
            "range": panel.kind == "timeseries",
            "instant": panel.kind != "timeseries",
        }
    shape = _TIME_SERIES if panel.kind == "timeseries" else _TABLE
    return {**common, "rawSql": panel.query, "editorType": "sql", "format": shape}


def _variable(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCES[CLICKHOUSE],
        "query": VARIABLES[name],
        "refresh": 2,
        "sort": 0,
    }


def text_of(page: Dashboard) -> str:
    """The file's content."""
    return json.dumps(dashboard_json(page), indent=1) + "\n"


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for page in DASHBOARDS:
        (FOLDER / f"{page.uid}.json").write_text(text_of(page), encoding="utf-8")


if __name__ == "__main__":
    main()

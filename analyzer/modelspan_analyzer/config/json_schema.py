"""The JSON Schema of `monitors.yaml`, for editors: published in docs/monitors.schema.json, which a test keeps fresh."""

from __future__ import annotations

import json

from modelspan_analyzer.config.settings import MonitorsConfig


def json_schema() -> str:
    """The schema as text."""
    schema = MonitorsConfig.model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "modelspan monitors.yaml"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"

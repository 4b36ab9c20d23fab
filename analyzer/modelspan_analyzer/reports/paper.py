"""The style sheet of drawings as the typesetter takes it."""

from __future__ import annotations

import re
from functools import cache

from modelspan_analyzer.charts import stylesheet


@cache
def paper_rules() -> str:
    """The rules of the drawings as paper has them: light, and without variables."""
    rules = re.sub(r"/\*.*?\*/", "", stylesheet(), flags=re.DOTALL)
    light = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", rules.partition("@media")[0]))
    flat = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", rules)
    return re.sub(r"var\((--[\w-]+)\)", lambda found: light[found[1]], flat.partition("}")[2])

"""A comparison as its user holds it: an answer, and the forms that it is handed out in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from modelspan_analyzer.checking import Status
from modelspan_analyzer.documents import fragment, markdown, page
from modelspan_analyzer.two_frames import report
from modelspan_analyzer.two_frames.findings import Findings


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two tables, compared. In a notebook it shows itself."""

    findings: Findings

    @property
    def status(self) -> Status:
        """`PASSED`, `ALARM` or `NOT_CHECKED`."""
        return self.findings.status

    @property
    def sentence(self) -> str:
        """The answer in words."""
        return self.findings.sentence

    def as_json(self) -> dict[str, Any]:
        """Everything that was found, as `docs/schemas/drift.schema.json` describes it."""
        return report.as_json(self.findings)

    def html(self) -> str:
        """A page that holds all it needs."""
        return page(report.document(self.findings))

    def markdown(self) -> str:
        """A summary, such as for a comment under a change."""
        return markdown(report.document(self.findings))

    def save(self, path: str | Path) -> None:
        """Write a report; the ending of its name says which: .html, .json or .md.

        Raises:
            ValueError: it has another ending.
        """
        target = Path(path)
        form = FORMS.get(target.suffix.lower())
        if form is None:
            raise ValueError(f"a report is written as {', '.join(FORMS)}, not as {target.name!r}")
        target.write_text(form(self), encoding="utf-8")

    def _repr_html_(self) -> str:
        """Itself, for a notebook."""
        return fragment(report.document(self.findings))


FORMS: Final[Mapping[str, Callable[[Comparison], str]]] = {
    ".html": Comparison.html,
    ".json": lambda comparison: json.dumps(comparison.as_json(), indent=1, allow_nan=False) + "\n",
    ".md": Comparison.markdown,
}
"""What a report can be written as, by the ending of its name."""

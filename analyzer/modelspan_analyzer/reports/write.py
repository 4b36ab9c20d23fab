"""A report, or a digest, as the bytes of a file, by the ending of its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from modelspan_analyzer.documents import Document, markdown, page
from modelspan_analyzer.reports.digest import digest_document
from modelspan_analyzer.reports.document import governance, summary
from modelspan_analyzer.reports.pdf import pdf
from modelspan_analyzer.views.digest import Digest
from modelspan_analyzer.views.report import Report

FORMS: Final[Mapping[str, Callable[[Document], bytes]]] = {
    ".html": lambda document: page(document).encode(),
    ".md": lambda document: markdown(document).encode(),
    ".pdf": pdf,
}
"""Documents by the ending of a file's name; `.json` is the view itself."""


def write(report: Report | Digest, ending: str, *, brief: bool = False) -> bytes:
    """What a file of this kind holds.

    Args:
        report: what is on record of a model, or a team's digest.
        ending: one of `FORMS`, or `.json`, which always holds all of it (`docs/schemas/report.schema.json`, and
            `digest.schema.json`).
        brief: one page for an owner, instead of all that is on record; a digest is short as it is.

    Raises:
        MissingPackageError: `.pdf` needs a package that is not installed.
    """
    if ending == ".json":
        return (json.dumps({"schema_version": 1, **report.as_json()}, indent=1, allow_nan=False) + "\n").encode()
    if isinstance(report, Digest):
        return FORMS[ending](digest_document(report))
    return FORMS[ending]((summary if brief else governance)(report))

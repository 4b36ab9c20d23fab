"""Files of a report brought to where they are wanted: into a folder, or to a webhook."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from modelspan_analyzer.config.report_settings import ReportSettings
from modelspan_analyzer.reports.made import Made
from modelspan_analyzer.webhook import post_signed

Files = Mapping[str, bytes]
"""What files hold, by their names."""

TIMEOUT_SECONDS: Final = 30.0
_LONGEST: Final = 60
_TYPES: Final = {".html": "text/html", ".pdf": "application/pdf", ".md": "text/markdown", ".json": "application/json"}


def file_name(settings: ReportSettings, made: Made, due: datetime, ending: str) -> str:
    """The name of a file: model and version, or team, report and moment, of characters that every file system takes."""
    names = "-".join(_safe(name) for name in (*made.names, settings.name))
    return f"{names}-{due:%Y-%m-%dT%H%MZ}{ending}"


def _safe(name: str) -> str:
    """A name as a part of a file's; of one that is too long the beginning, and what tells it from others."""
    quoted = quote(name, safe="")
    if len(quoted) <= _LONGEST:
        return quoted
    return (
        f"{quoted[:_LONGEST].rpartition('%')[0] or quoted[:_LONGEST]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    )


def to_folder(folder: Path, files: Files) -> str:
    """Write the files, each as a whole or not at all; returns where they are.

    Raises:
        OSError: it cannot be written, or the folder that holds the folder is not there.
    """
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        begun = folder / f".{os.getpid()}.part"
        try:
            begun.write_bytes(content)
            begun.replace(folder / name)
        finally:
            begun.unlink(missing_ok=True)
    return ", ".join(str(folder / name) for name in files)


def to_webhook(settings: ReportSettings, made: Made, due: datetime, files: Files) -> str:
    """Post the report, with its files; returns the answer in a few words.

    Raises:
        PostError: the address did not take it, or the key is not set.
    """
    told = {
        "text": f"{made.shown.title}: {made.shown.sentence}",
        "report": settings.name,
        **made.told,
        "state": made.state,
        "sentence": made.shown.sentence,
        "since": made.since.isoformat() if made.since else None,
        "until": made.until.isoformat(),
        "due": due.isoformat(),
        "made_at": made.shown.made_at.isoformat(),
        "files": [
            {"name": name, "type": _TYPES[Path(name).suffix], "base64": base64.b64encode(content).decode()}
            for name, content in files.items()
        ],
    }
    body = json.dumps(told).encode()
    answer = post_signed(
        settings.webhook, body, headers=settings.headers, secret_env=settings.secret_env, timeout=TIMEOUT_SECONDS
    )
    return f"HTTP {answer.status} of {answer.address}"

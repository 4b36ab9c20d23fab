"""Files of ours that the embedded engine reads: in a folder beside its own, so that one process owns them.

What a killed process left is known there, and cleared by the next one; in the machine's folder of temporary files it
would stay, rows of people included.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_FOLDER: Final = "modelspan"
_SCHEMAS: Final = "schemas"
_PASSING: Final = "tmp-"
_OURS: Final = f"{_PASSING}{secrets.token_hex(6)}-"
"""Begins the names of this process's files: a number of a process comes again, in a container at every start."""
_LOG = logging.getLogger(__name__)


def lasting(store: Path, name: str, content: str) -> Path:
    """A file that holds what it is to hold, whoever made it; a new release's content replaces it in one step."""
    folder = _made(store / _FOLDER / _SCHEMAS)
    path = folder / name
    if not path.is_file() or path.read_text(encoding="utf-8") != content:
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=_OURS, delete=False, encoding="utf-8") as file:
            file.write(content)
        Path(file.name).replace(path)
    return path


def passing(store: str) -> IO[bytes]:
    """A file for as long as it is open."""
    folder = _made(Path(store) / _FOLDER)
    return tempfile.NamedTemporaryFile(dir=folder, prefix=_OURS)


def clear(store: str) -> None:
    """Remove what processes that were killed left; for the one that has the store open."""
    for left in (Path(store) / _FOLDER).rglob(f"{_PASSING}*"):
        if not left.name.startswith(_OURS):
            with suppress(OSError):
                left.unlink()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def own(folder: Path) -> Path:
    """A folder that its owner alone may read: made so, or tightened with a word where others could.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return folder
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        _LOG.warning("others may read %s, and with it people's data: its owner has to `chmod 700` it", folder)
        return folder
    folder.chmod(0o700)
    _LOG.warning("others could read %s, and with it people's data: it is its owner's alone now (mode 700)", folder)
    return folder

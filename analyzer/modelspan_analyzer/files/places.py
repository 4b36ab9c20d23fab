"""Where files are: on this machine, or in an object store or at a web address, which are then read as folders are.

`s3://`, `gs://`, `abfs://`, `http://` and all else that fsspec knows become paths by `universal-pathlib`, an extra of
the package. They are paths to whoever reads them, though no `pathlib.Path`.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, cast

from modelspan_analyzer.files.rows import FileError

_MARK: Final = "://"
_EXTRAS: Final = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
    "http": "web",
    "https": "web",
}
"""By the scheme of an address: the extra that reads it; of others the one that reads none but fsspec's own."""


def place(text: str) -> Path:
    """A path of this machine, or an address.

    Raises:
        FileError: nothing reads addresses of its kind; the message names what to install.
    """
    scheme, mark, _ = text.partition(_MARK)
    if not mark:
        return Path(text)
    extra = _EXTRAS.get(scheme, "web")
    try:
        from upath import UPath  # type: ignore[import-not-found, unused-ignore]

        found: Any = UPath(text)
        _ = found.fs
    except ImportError as error:
        raise FileError(f"{scheme}:// needs an extra: pip install 'modelspan[{extra}]' ({error})") from error
    except ValueError as error:
        raise FileError(f"{text}: {error}") from error
    return cast("Path", found)


def is_there(path: Path) -> bool:
    """Whether there is a file or a folder.

    Raises:
        FileError: its store does not let us see: credentials, say.
    """
    try:
        return path.exists()
    except OSError:
        raise
    except Exception as error:
        raise FileError(f"{path} cannot be reached: {error} ({type(error).__name__})") from error


def written_at(path: Path) -> str | None:
    """When a file was written, as text; None where its store does not tell."""
    seconds = path.stat().st_mtime
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None


def buffered(file: IO[bytes], size: int) -> io.BufferedReader:
    """An opened file as one that can be looked into before it is read."""
    return file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file), size)

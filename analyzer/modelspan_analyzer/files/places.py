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
"""By the scheme of an address: the extra that reads it."""


def place(text: str) -> Path:
    """A path of this machine, or an address.

    Raises:
        FileError: nothing reads addresses of its kind; the message names what to install.
    """
    scheme, mark, _ = text.partition(_MARK)
    if not mark:
        return Path(text)
    try:
        from upath import UPath  # type: ignore[import-not-found, unused-ignore]

        found: Any = UPath(text.rstrip("/"))
        _ = found.fs
    except ImportError as error:
        if (extra := _EXTRAS.get(scheme)) is None:
            known = ", ".join(f"{one}://" for one in _EXTRAS)
            raise FileError(f"{scheme}:// is none of {known}, and needs more of fsspec: {error}") from error
        raise FileError(f"{scheme}:// needs an extra: pip install 'modelspan[{extra}]' ({error})") from error
    except (ValueError, OSError) as error:
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


def absent(path: Path) -> FileError:
    """That a path is not there, with what its store says of it: refused, forbidden, or no such file."""
    why = ""
    if _MARK in str(path):
        try:
            path.stat()
        except Exception as error:
            why = f" ({error.__cause__})" if error.__cause__ else ""
    return FileError(f"there is no file or folder {str(path)!r}{why}")


def reason(error: Exception) -> str:
    """Why a file cannot be read; fsspec's errors name the address alone, and have the reason behind them."""
    return getattr(error, "strerror", None) or str(error.__cause__ or error)


def matching(path: Path) -> list[Path]:
    """What a pattern means, such as `capture/2026/*/*/*.jsonl`, in order; nothing where the path is none."""
    parts = path.parts
    first = next((at for at, part in enumerate(parts) if "*" in part or "[" in part), 0)
    return sorted(path.parents[len(parts) - first - 1].glob("/".join(parts[first:]))) if first else []


def written_at(path: Path) -> str | None:
    """When a file was written, as text; None where its store does not tell."""
    seconds = path.stat().st_mtime
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None


def buffered(file: IO[bytes], size: int) -> io.BufferedReader:
    """An opened file as one that can be looked into before it is read."""
    return file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file), size)

"""How the processes of one machine find each other: the note that a running instance leaves in its data folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
INSTANCE_FILE = "instance.json"
COLLECTOR_FOLDER = "collector"
"""Folder, in the data folder of an instance, of the collector's log."""
SQL_PORT = 8123
WEB_PORT = 8600


@dataclass(frozen=True, slots=True)
class Ports:
    """Where an instance listens; 0 where it does not."""

    grpc: int
    http: int
    sql: int
    web: int


def embedded_dsn(data: Path) -> str:
    """The DSN of the embedded store of a data folder."""
    return f"chdb://{(data / 'store').resolve()}"


@dataclass(frozen=True, slots=True)
class Running:
    """A process that owns a data folder, as its `instance.json` tells."""

    pid: int
    host: str
    dsn: str
    ports: Ports
    secret: str = field(default="", repr=False)
    """Proves to the process that a command is its owner's: only the owner can read the note."""

    @property
    def sql_dsn(self) -> str:
        """The DSN by which another process queries it."""
        return self.dsn or f"clickhouse://{self.host}:{self.ports.sql}"

    @property
    def web_url(self) -> str:
        """Base of its pages and of its HTTP interface."""
        return f"http://{self.host}:{self.ports.web}"

    @property
    def otlp_url(self) -> str:
        """Where it takes OTLP over HTTP."""
        return f"http://{self.host}:{self.ports.http}"


def find_running(data: Path) -> Running | None:
    """The live process that owns the data folder, or None; a stale note of a killed one is ignored."""
    try:
        note = json.loads((data / INSTANCE_FILE).read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    ports = Ports(**{name: note[name] for name in ("grpc", "http", "sql", "web")})
    return Running(note["pid"], note["host"], note["dsn"], ports, note.get("secret", ""))


def announce(data: Path, instance: Running) -> None:
    """Leave the note, whole or not at all, for its owner's eyes only: a DSN and the secret are in it."""
    note = {"pid": instance.pid, "host": instance.host, "dsn": instance.dsn, "secret": instance.secret}
    temporary = data / f"{INSTANCE_FILE}.new"
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps({**note, **asdict(instance.ports)}))
    temporary.replace(data / INSTANCE_FILE)

"""How the processes of one machine find each other: the note that a running instance leaves in its data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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
    web_host: str = LOOPBACK
    """Where this machine reaches its web port."""
    web_certificate: str = ""
    """File of the certificate that the web port shows; empty where it speaks plain HTTP."""
    otlp_certificate: str = ""
    """The same of the port that takes OTLP over HTTP."""
    tokens: str = ""
    """File of the tokens that the collector asks for; empty where it asks for none."""
    redaction: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Its rules of redaction, by which commands show what is stored; see `access.rules.Redaction`."""

    @property
    def sql_dsn(self) -> str:
        """The DSN by which another process queries it."""
        return self.dsn or f"clickhouse://{self.host}:{self.ports.sql}"

    @property
    def web_url(self) -> str:
        """Base of its pages and of its HTTP interface."""
        return web_address(self.web_host, self.ports.web, tls=bool(self.web_certificate))

    @property
    def otlp_url(self) -> str:
        """Where it takes OTLP over HTTP."""
        return f"{'https' if self.otlp_certificate else 'http'}://{self.host}:{self.ports.http}"


_TOLD = ("secret", "web_host", "web_certificate", "otlp_certificate", "tokens", "redaction")


def web_address(host: str, port: int, *, tls: bool) -> str:
    """The address of a web port, as this machine reaches it where it listens on every address."""
    name = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104
    shown = f"[{name}]" if ":" in name else name
    return f"{'https' if tls else 'http'}://{shown}:{port}"


def find_running(data: Path) -> Running | None:
    """The live process that owns the data folder, or None; a stale note of a killed one is ignored."""
    try:
        note = json.loads((data / INSTANCE_FILE).read_text())
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    ports = Ports(**{name: note[name] for name in ("grpc", "http", "sql", "web")})
    told = {name: note[name] for name in _TOLD if name in note}
    return Running(note["pid"], note["host"], note["dsn"], ports, **told)


def announce(data: Path, instance: Running) -> None:
    """Leave the note, whole or not at all, for its owner's eyes only: a DSN, the secret and a key are in it."""
    note = {"pid": instance.pid, "host": instance.host, "dsn": instance.dsn}
    note |= {name: getattr(instance, name) for name in _TOLD}
    temporary = data / f"{INSTANCE_FILE}.new"
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps({**note, **asdict(instance.ports)}))
    temporary.replace(data / INSTANCE_FILE)

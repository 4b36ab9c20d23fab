"""What images, chart and units start, started: read-only, without capabilities, and answering where they are asked."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import deploying
import httpx
import pytest
from support import PATIENCE, eventually, free_port, missing

from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store

JAIL = """
set -e
mount --bind / /
mount --rbind "$2" /mnt
for place in /tmp /run /var/lib; do mount -t tmpfs tmpfs $place; done
mkdir -p /var/lib/modelspan /run/secrets/modelspan/store
for file in /run/secrets/store /run/secrets/modelspan/store/dsn; do printf '%s\\n' "$1" >$file; done
printf 'version: 1\\n' >/run/monitors.yaml
mkdir -p "$2" && mount --move /mnt "$2" && mount -o remount,ro,bind "$2"
mount -o remount,ro,bind /
cd /var/lib/modelspan
shift 2
exec setpriv --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""
"""The files of a container: a root that nobody can write to, and memory where a volume or secret is mounted. The
checkout stays where it is, be it under one of those places.
"""
PROGRAM = """
import ctypes, sys
strict, without, *arguments = sys.argv[1:]
if strict == "yes":  # PR_SET_MDWE, which systemd's MemoryDenyWriteExecute= stands for
    assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0
sys.modules.update(dict.fromkeys(without.split()))
from modelspan_cli.main import main
sys.exit(main(arguments))
"""
ONLY_ANALYZERS_HAVE = "scipy sklearn threadpoolctl pydantic yaml jinja2 typst"


@dataclass(frozen=True)
class Started:
    """What a file of deploy/ starts."""

    arguments: list[str]
    strict: bool = False
    without: str = ""
    """Packages that the image does not have."""


def of_chart(part: str, database: str) -> Started:
    """A container of the chart, as strict as the unit of the same part."""
    values = {"store": {"dsn": deploying.DSN, "database": database}, "access": {"insecure": True}}
    without = ONLY_ANALYZERS_HAVE if part == "collector" else ""
    return Started(
        deploying.arguments(deploying.rendered(values), part), is_strict(f"modelspan-{part}.service"), without
    )


def is_strict(unit: str) -> bool:
    """Whether a unit forbids memory that is written and then run."""
    return deploying.unit(unit).get("MemoryDenyWriteExecute") == ["yes"]


CASES: dict[str, Callable[[str], Started]] = {
    "chart, collector": lambda database: of_chart("collector", database),
    "chart, analyzer": lambda database: of_chart("analyzer", database),
    "compose": lambda _: Started(list(deploying.compose()["services"]["modelspan"]["command"])),
    "unit, all in one": lambda _: Started(deploying.started("modelspan.service"), is_strict("modelspan.service")),
}


@pytest.fixture
def server(store: Store) -> Iterator[SqlServer]:
    """ClickHouse's protocol, as a server would speak it."""
    server = SqlServer(store, port=0, writable=True)
    server.start()
    yield server
    server.stop()


def command(found: Started, dsn: str, ports: dict[str, int]) -> list[str]:
    """The command line: as it stands in the file, but on loopback, free ports, and with settings from elsewhere."""
    given = [re.sub(r"=0\.0\.0\.0$", "=127.0.0.1", one) for one in found.arguments]
    given = [one.replace("/etc/modelspan/monitors.yaml", "/run/monitors.yaml") for one in given]
    given += [f"--{name}-port={port}" for name, port in ports.items()]
    program = [sys.executable, "-X", "faulthandler", "-c", PROGRAM, "yes" if found.strict else "no", found.without]
    return ["unshare", "--mount", "sh", "-c", JAIL, "jail", dsn, str(deploying.ROOT), *program, *given]


def ports_of(arguments: list[str]) -> dict[str, int]:
    """A free port for each that a command listens on."""
    names = {"up": ("grpc", "http", "web", "sql"), "collector": ("grpc", "http", "web"), "analyzer": ("metrics",)}
    return {name: free_port() for name in names[arguments[0]]}


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
@pytest.mark.parametrize("name", CASES)
def test_it_runs_where_nothing_can_be_written_and_answers(
    name: str, store: Store, server: SqlServer, tmp_path: Path
) -> None:
    """Health, readiness and metrics by their paths, OTLP where it is taken; and it ends well when it is asked to."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        missing("no mounts of one's own can be made here: it takes unshare and root")
    found = CASES[name](store.database)
    ports = ports_of(found.arguments)
    said = tmp_path / "said"
    with said.open("wb") as output:
        run = command(found, f"clickhouse://127.0.0.1:{server.port}", ports)
        process = subprocess.Popen(run, stdout=output, stderr=subprocess.STDOUT)
    base = f"http://127.0.0.1:{ports.get('web', ports.get('metrics'))}"
    try:
        eventually(lambda: process.poll() is not None or answers(f"{base}/readyz"), "it is ready")
        assert [answers(f"{base}/{path}") for path in ("healthz", "readyz", "metrics")] == [200] * 3, said.read_text()
        if "http" in ports:
            sent = httpx.post(
                f"http://127.0.0.1:{ports['http']}/v1/logs",
                content=b"",
                headers={"content-type": "application/x-protobuf"},
                timeout=PATIENCE,
            )
            assert sent.status_code == 200
            socket.create_connection(("127.0.0.1", ports["grpc"]), timeout=10).close()
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(PATIENCE) == 0, said.read_text()
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # it says where each of its threads is
            process.wait()
            pytest.fail(f"it did not end: {said.read_text()}")
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> int:
    """The status of an answer; 0 where nobody answers."""
    try:
        return httpx.get(url, timeout=PATIENCE).status_code
    except httpx.TransportError:
        return 0

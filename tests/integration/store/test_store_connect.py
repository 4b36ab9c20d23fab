"""Opening a store: who may, what happens when it cannot be, and what the message says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store.connect import Store, check_version, connect
from modelspan_collector.store.errors import StoreUnavailableError


@pytest.fixture
def bare(engine_dsn: str) -> Store:
    """The engine, without tables."""
    opened = connect(engine_dsn, "bare")
    yield opened
    opened.command("DROP DATABASE bare")
    opened.close()


def test_second_process_is_told_who_has_the_store(bare: Store) -> None:
    """One process owns an embedded store: the message names it and says how to query it."""
    code = f"from modelspan_collector.store.connect import connect; connect({bare.dsn!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    message = done.stderr.strip().splitlines()[-1]
    assert f"another process (number {os.getpid()}) has the store" in message
    assert "8123" not in message, "it may have another port"
    assert "modelspan sql" in message


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("postgres://somewhere", "expected chdb:///absolute/path"),
        ("/some/path", "expected chdb:///absolute/path"),
        ("clickhouse://user:hush@127.0.0.1:{port}", "no ClickHouse answers at clickhouse://user:"),
        ("clickhouse://user:hush/hush@127.0.0.1:{port}", "percent-encode signs"),
        ("clickhouse:/user:hush@127.0.0.1:{port}", "expected chdb:///absolute/path"),
        ("postgres://user:hush@somewhere?key=hush", "expected chdb:///absolute/path"),
        ("clickhouse://127.0.0.1:{port}?user=me&password=hush", "options of clickhouse://127.0.0.1:"),
        ("clickhouse://127.0.0.1:{port}?hash=hush", "are not understood"),
        ("clickhouse://user:hush@[127.0.0.1", "percent-encode signs"),
    ],
)
def test_wrong_addresses_say_what_to_do(dsn: str, says: str) -> None:
    """A mistyped scheme and a server that is away are different mistakes; neither shows the password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(StoreUnavailableError) as caught:
            connect(dsn.replace("{port}", str(probe.getsockname()[1])))
    assert says in str(caught.value)
    assert "hush" not in str(caught.value)


def test_nobody_else_may_look_into_an_embedded_store(tmp_path: Path) -> None:
    """It holds features of people: its folder is for its owner alone, as that of the log is, whatever the umask."""
    folder = tmp_path / "deep" / "store"
    code = f"from modelspan_collector.store.connect import connect; connect('chdb://{folder}').close()"
    subprocess.run([sys.executable, "-c", f"import os; os.umask(0o022); {code}"], check=True)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_wrong_password_is_named_and_not_shown(bare: Store) -> None:
    """Users and passwords of the DSN reach the server."""
    server = SqlServer(bare, port=0, users={"writer": "right"})
    server.start()
    try:
        with pytest.raises(StoreUnavailableError, match="refuses the user or the password") as caught:
            connect(f"clickhouse://writer:wrong@127.0.0.1:{server.port}")
        assert "wrong" not in str(caught.value)
        opened = Store(f"clickhouse://writer:right@127.0.0.1:{server.port}", "default")
        assert opened.scalar("SELECT 1") == 1
        opened.close()
    finally:
        server.stop()


def test_old_servers_are_refused_by_version() -> None:
    """The message says what runs, what is needed, and the way out."""
    check_version("26.9.2.1")
    check_version("25.3.1")
    with pytest.raises(StoreUnavailableError, match=r"ClickHouse 24\.8\.1.*25\.3 or newer.*embedded"):
        check_version("24.8.1")


def test_threads_have_clients_of_their_own_that_go_with_them(bare: Store) -> None:
    """A hundred short-lived threads leave no client behind, and the engine goes on."""
    answers: list[int] = []
    for number in range(100):
        thread = threading.Thread(target=lambda n=number: answers.append(bare.scalar(f"SELECT {n}")))
        thread.start()
        thread.join()
    assert answers == list(range(100))
    assert len(bare._clients) <= 2
    assert bare.scalar("SELECT 1") == 1

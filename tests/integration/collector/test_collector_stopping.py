"""A stop takes no longer than those who stop processes wait, and loses nothing: what is left is stored later."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

# A collector that takes a request; asked to hang, its store never answers an insert, and it is stopped meanwhile.
CHILD = """
import sys, threading
from pathlib import Path
from collector_otlp import post, trace
from modelspan_collector.config import CollectorConfig
from modelspan_collector.leaving import leave
from modelspan_collector.service import Collector
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

folder, what = Path(sys.argv[1]), sys.argv[2]
store = connect(f"chdb://{folder}/store")
schema.apply(store)
inserting = threading.Event()
if what == "hang":
    def never(*given, **named):
        inserting.set()
        threading.Event().wait()
    store.insert_bytes = never
collector = Collector(store, CollectorConfig(folder / "collector", grpc_port=0, http_port=0, segment_seconds=0.05))
collector.start()
if what == "hang":
    print(post(collector.http_port, "/v1/traces", trace({"a": 1}).SerializeToString()).status)
    inserting.wait()
else:
    collector.flush()
    print(store.scalar("SELECT count() FROM otel_traces"))
leave(collector.stop, 1.0)
"""


def test_a_store_that_hangs_holds_up_no_stop(tmp_path: Path) -> None:
    """An insert that never ends is left, and said; the request was acknowledged, and is in the tables of the next."""

    def run(what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CHILD, str(tmp_path), what]
        folder = Path(__file__).parent
        return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, cwd=folder)

    stopped = run("hang")
    assert (stopped.returncode, stopped.stdout) == (0, "200\n"), stopped.stderr
    assert "not everything stopped within 1 s" in stopped.stderr
    following = run("live")
    assert (following.returncode, following.stdout) == (0, "1\n"), following.stderr


def test_a_stop_that_fails_says_so() -> None:
    """What a part raises while it stops is no clean end."""
    failing = (
        "from modelspan_collector.leaving import leave\ndef stop(): raise OSError('the disk is gone')\nleave(stop)"
    )
    ended = subprocess.run([sys.executable, "-c", failing], capture_output=True, text=True, timeout=150, check=False)
    assert ended.returncode == 1
    assert "the disk is gone" in ended.stderr


BUSY = """
import threading
from modelspan_collector.leaving import told_to_end
def work():
    while True:
        sum(range(200))
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
wait = told_to_end()
print("ready", flush=True)
wait()
import os
os._exit(0)
"""


@pytest.mark.parametrize("after", np.linspace(0, 0.01, 20))
def test_a_signal_is_heard_whenever_it_comes(after: float) -> None:
    """Also as the wait begins, while other threads take the interpreter in turns: an event hung in 4 of 100."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        threading.Event().wait(after)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0

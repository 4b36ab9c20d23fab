"""Nothing of people's data lies where nobody looks: not in the machine's temporary files, nor for others to read.

A new way of rows into the embedded store goes by `Store.insert` or `Store.insert_bytes`, and into the process below.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import eventually

from modelspan_collector.store import aside

SPAN = """{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c",
"spanId": "eee19b7ec3c1b174", "name": "s", "startTimeUnixNano": "1767225600000000000"}]}]}]}"""
EVERY_WAY = """
import pyarrow as pa, tempfile, sys, urllib.request
from pathlib import Path
from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_collector.config import CollectorConfig
from modelspan_collector.store.backup import backup, restore
from modelspan_collector.store.connect import connect

data, span = Path(sys.argv[1]), sys.argv[2].encode()
collector = CollectorConfig(data / "collector", grpc_port=0, http_port=0)
made = Instance(InstanceConfig(data, "", collector, sql_port=0, web_port=0))
made.start()
headers = {"Content-Type": "application/json"}
url = f"http://127.0.0.1:{made.ports.http}/v1/traces"
urllib.request.urlopen(urllib.request.Request(url, data=span, headers=headers)).close()
made.collector.flush()
made.store.insert("labels", pa.table({"prediction_id": ["a"], "label": ["b"]}))
backup(made.store, data / f"backup-{sys.argv[3]}")
again = connect(made.store.dsn, f"again_{sys.argv[3]}")
restore(again, data / f"backup-{sys.argv[3]}")
again.close()
print(made.store.scalar("SELECT count() FROM otel_traces"), flush=True)
if sys.argv[3] == "stay":
    (data / "store" / "modelspan" / "tmp-of-another").touch()
    import time
    time.sleep(600)
made.stop()
"""


def run(data: Path, temporary: Path, then: str) -> subprocess.Popen[str]:
    """All ways of rows into a store, in a process with a temporary folder of its own."""
    command = [sys.executable, "-c", EVERY_WAY, str(data), SPAN, then]
    return subprocess.Popen(command, env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.PIPE, text=True)


def test_a_process_leaves_nothing_behind_and_a_killed_one_nothing_for_long(tmp_path: Path) -> None:
    """Killed: the temporary folder is empty all the same, and what lies beside the store goes at the next start."""
    data, temporary = tmp_path / "data", tmp_path / "tmp"
    temporary.mkdir()
    killed = run(data, temporary, "stay")
    assert killed.stdout
    assert killed.stdout.readline() == "1\n"
    left = data / "store" / "modelspan" / "tmp-of-another"
    eventually(left.exists)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    assert list(temporary.iterdir()) == []
    ended = run(data.rename(tmp_path / "moved"), temporary, "end")
    ended.communicate(timeout=120)
    assert list(temporary.iterdir()) == []
    beside = tmp_path / "moved" / "store" / "modelspan"
    assert {path.name for path in beside.iterdir()} == {"definitions", "schemas"}
    private = (beside.parent, tmp_path / "moved" / "collector" / "log")
    assert [path for path in private if path.stat().st_mode & 0o077] == []


def test_a_folder_that_others_could_read_is_tightened_with_a_word_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that an earlier release made, or a person."""
    folder = tmp_path / "store"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with caplog.at_level(logging.WARNING):
        aside.own(folder)
        aside.own(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert caplog.text.count("others could read") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_left_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its mode is its owner's to change."""
    folder = tmp_path / "store"
    folder.mkdir(mode=0o755)
    os.chown(folder, 12345, -1)
    aside.own(folder)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert "its owner has to `chmod 700` it" in caplog.text


def test_a_schema_of_another_release_is_replaced(tmp_path: Path) -> None:
    """The file beside the store is what this release writes, and no half of it is ever seen."""
    for content in ("old", "new"):
        path = aside.lasting(tmp_path, "x.proto", content)
        assert path.read_text() == content
    assert [one.name for one in path.parent.iterdir()] == ["x.proto"]

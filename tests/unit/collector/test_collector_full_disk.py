"""A disk that is full refuses, corrupts nothing, and takes again when there is room."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import queue, resource, sys
from pathlib import Path
from modelspan_collector.wal.journal import Log, LogFullError, LogOptions
from modelspan_collector.wal.record import Kind, make

log = Log(Path(sys.argv[1]), LogOptions(segment_seconds=60.0), queue.Queue().put)
log.start()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
log.append([make(Kind.OTLP, 1, b"a" * 6000)]).result(10)
full = make(Kind.OTLP, 2, b"b" * 6000)
try:
    log.append([full]).result(10)
except LogFullError as error:
    print("refused:", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
log.append([full]).result(10)
log.stop()
segment = next(Path(sys.argv[1]).glob("*.seg"))
from modelspan_collector.wal.record import read
print([record.payload[:1] for record, _ in read(segment.read_bytes())], log.waiting_bytes == segment.stat().st_size)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """The request that did not fit is refused and cut off again; sent once more, it is kept once."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    first, second = done.stdout.splitlines()
    assert first.startswith("refused: cannot write to")
    assert second == "[b'a', b'b'] True"

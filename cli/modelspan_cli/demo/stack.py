"""Starts and stops `modelspan up` as a process of its own, as a user would."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from modelspan_cli.errors import CommandError
from modelspan_collector.running import Running, find_running

START_SECONDS = 60
STOP_SECONDS = 60


class Stack:
    """One `modelspan up` on free ports."""

    def __init__(self, data: Path, *options: str) -> None:
        self._data = data
        self._log = (data / "up.log").open("wb")
        ports = [option for name in ("grpc", "http", "sql", "web") for option in (f"--{name}-port", "0")]
        command = [sys.executable, "-m", "modelspan_cli", "up", "--data", str(data), *ports, *options]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)  # noqa: S603 - our own command

    def wait(self) -> Running:
        """Return once it answers.

        Raises:
            CommandError: it did not come up; the message says where its log is.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if (running := find_running(self._data)) is not None:
                return running
            time.sleep(0.05)
        self.stop()
        raise CommandError("`modelspan up` did not start", hint=f"its log is {self._data / 'up.log'}")

    def stop(self) -> None:
        """Ask it to flush and end."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def join(self) -> None:
        """Stay until the process ends or the user interrupts."""
        try:
            self._process.wait()
        except KeyboardInterrupt:
            self.stop()

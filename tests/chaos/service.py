"""The service as a real process on one port, started again where a fault has ended it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import httpx

from bench.serving import processes_of
from tests.support.polling import eventually
from tests.support.processes import ROOT, environment
from tests.support.spool_directory import spooled_lines


class Service:
    """`python -m app`. settings: fields of app.settings.Settings, beside those that it needs itself."""

    def __init__(self, spool: Path, **settings: object) -> None:
        self.spool = spool
        self.settings = settings
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] = tempfile.NamedTemporaryFile(prefix="ringfence-chaos-")  # noqa: SIM115

    def start(self, *, workers: int = 1) -> None:
        """Start it, and return when it answers."""
        settings = {"spool": True, "spool_path": self.spool, "port": self.port} | self.settings
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=ROOT, env=environment(**settings) | {"WEB_CONCURRENCY": str(workers)}, stdin=subprocess.DEVNULL,
            stdout=self._output, stderr=self._output,
        )  # fmt: skip
        eventually(self.answers)

    def answers(self) -> bool:
        """Whether it answers at all."""
        assert self._process
        assert self._process.poll() is None, self.printed()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/api/v1/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """Kill it and its workers."""
        assert self._process
        for process in processes_of(self._process.pid):
            os.kill(process, signal.SIGKILL)
        self._process.wait()

    def kill_worker(self) -> None:
        """Kill one of its workers, and return when another has taken its place."""
        assert self._process
        workers = self._workers()
        os.kill(workers[0], signal.SIGKILL)
        eventually(lambda: len(now := self._workers()) == len(workers) and workers[0] not in now)

    def terminate(self) -> float:
        """Tell it to stop, as every supervisor does; return the seconds that it took."""
        assert self._process
        started = time.monotonic()
        self._process.terminate()
        self._process.wait(timeout=60)
        return time.monotonic() - started

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()

    @property
    def process_id(self) -> int:
        """Of its first process."""
        assert self._process
        return self._process.pid

    def spooled(self) -> list[bytes]:
        """Return the lines of its spool that are not in the database."""
        return spooled_lines(self.spool)

    def printed(self) -> str:
        """Return the end of what it has printed."""
        return Path(self._output.name).read_text(errors="replace")[-4000:]

    def _workers(self) -> list[int]:
        assert self._process
        return [process for process in processes_of(self._process.pid) if _is_worker(process)]


def _is_worker(process: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return False


def free_port() -> int:
    """Return a port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Services that are measured: started on a port of their own, watched from outside, stopped."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from app.settings import Settings

ROOT = Path(__file__).parent.parent
EXECUTION = {"input": {"amount": 1200}, "user_id": "jane"}
EXECUTE = "/api/v1/agents/agent/execute"
LOGS = "/api/v1/audit/logs"
EXPORT = "/api/v1/audit/logs/export"
_TICKS = os.sysconf("SC_CLK_TCK")


def processes_of(root: int) -> list[int]:
    """Return the ids of process `root` and of all below it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    found = [root]
    for process in found:  # grows meanwhile
        found += [child for child, parent in parents.items() if parent == process]
    return found


def processor_seconds(root: int) -> float:
    """Return the processor time, in seconds, of process `root` and all below it, those that have ended included."""
    ticks = 0
    for process in processes_of(root):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def backend_seconds(connection: psycopg.Connection[Any]) -> float:
    """Return the processor time, in seconds, of the server's process for a session, to the microsecond."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


@dataclass(frozen=True)
class Service:
    """One that runs. process: the id of its first process; with several workers there are more below it."""

    url: str
    process: int

    def peak_memory(self) -> float:
        """Return the largest resident size so far in megabytes, each process' own largest added up."""
        kilobytes = 0
        for process in processes_of(self.process):
            for line in Path(f"/proc/{process}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    kilobytes += int(line.split()[1])
        return round(kilobytes / 1024, 1)

    def post(self, path: str, content: bytes, **headers: str) -> dict[str, Any]:
        """POST JSON and return what is answered."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}{path}", content, {"Content-Type": "application/json", **headers}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found

    def get(self, path: str, **headers: str) -> bytes:
        """GET and return what is answered."""
        request = urllib.request.Request(f"{self.url}{path}", None, headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            content: bytes = answer.read()
        return content

    def last_line(self, path: str, **headers: str) -> bytes:
        """GET many lines, as they come, and return the last."""
        request = urllib.request.Request(f"{self.url}{path}", None, headers)  # noqa: S310
        line = b""
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            for line in answer:  # noqa: B007
                pass
        return line


@contextmanager
def serving(*command: str, **environment: str) -> Iterator[Service]:
    """Run a service, `command` being its Python arguments with {port} in them, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    inherited = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    with (
        tempfile.TemporaryDirectory(prefix="ringfence-spool-") as spool,
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, *(argument.format(port=port) for argument in command)],
            cwd=ROOT, env={**inherited, "SPOOL_PATH": spool, **environment, "PORT": port},
            stdout=subprocess.DEVNULL, stderr=errors,
        ) as process,
    ):  # fmt: skip
        try:
            service = Service(f"http://127.0.0.1:{port}", process.pid)
            for _ in range(600):
                if process.poll() is not None:
                    errors.seek(0)
                    raise RuntimeError(f"{' '.join(command)} did not start: {errors.read().decode(errors='replace')}")
                try:
                    service.get("/openapi.json")
                    break
                except urllib.error.URLError:
                    time.sleep(0.05)
            else:
                raise RuntimeError(f"{' '.join(command)} does not answer")
            yield service
        finally:
            process.terminate()

"""More than the service can do: how much of its capacity is still served, and how fast, at many times the load.

wrk makes the load and counts; a status of 400 and above is refused. Its latencies mix served and refused answers, so a
few callers of our own measure those that were served. The service has one processor, wrk the other.
"""

import asyncio
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from bench.programs import ensure_programs
from tests.siege.laboratory import Laboratory, on_processor
from tests.siege.probe import Connection, Noticed
from tests.siege.requests import EXECUTE, LOGS, head, post

__all__ = ["ensure_programs", "measure", "table"]
MIN_GOODPUT = 0.8
MAX_LATENCY = 3.0
"""Of what is served, at the 99th percentile: times that at capacity."""
_EXECUTION = '{"input": {}}'
_CALLERS = 8
_PAUSE = 0.05
"""Seconds that a caller of ours waits after a refusal."""
_SCRIPT = Path(__file__).parent / "requests.lua"


@dataclass(frozen=True)
class Round:
    """One load. Rates a second; p99: of what was served, in seconds. capacity: the round that it is compared to."""

    what: str
    connections: int
    answered: float
    served: float
    broken: int
    p99: float
    capacity: "Round | None" = None

    def findings(self) -> list[str]:
        """Return what must not be."""
        if self.capacity is None:
            return []
        found = []
        if self.served < MIN_GOODPUT * self.capacity.served:
            found.append(f"only {self.served / self.capacity.served:.2f} of the capacity is served")
        if self.p99 > MAX_LATENCY * self.capacity.p99:
            found.append(f"what is served takes {self.p99 / self.capacity.p99:.1f} times as long")
        return found

    def __str__(self) -> str:
        """Return it as a row."""
        compared = "| | | |"
        if self.capacity:
            compared = (
                f"| {self.served / self.capacity.served:.2f} | {self.p99 / self.capacity.p99:.1f} |"
                f" {'**fails**' if self.findings() else 'holds'} |"
            )
        return (
            f"| {self.what} | {self.connections:,} | {self.answered:,.0f} | {self.served:,.0f} | {self.broken:,} |"
            f" {self.p99 * 1000:.0f} ms {compared}"
        )


def table(rounds: list[Round]) -> str:
    """Return the table of loads in Markdown."""
    return "\n".join(
        [
            "| requests | connections | answered a second | served a second | broken connections | p99 of the served |"
            " of the capacity | p99, times that at capacity | verdict |",
            "|---|---|---|---|---|---|---|---|---|",
            *map(str, rounds),
        ]
    )


def measure(lab: Laboratory) -> list[Round]:
    """Measure the capacity, then many times the load."""
    lab.start()  # so that no flood before it tells
    key = lab.keys["caller-0"]
    lists = f"{LOGS}?limit=50"
    loads = [
        Load(lab, "executions", "POST", EXECUTE, post(EXECUTE, key, _EXECUTION.encode())),
        Load(lab, "lists of 50", "GET", lists, head("GET", lists, key)),
    ]
    rounds = []
    loads[0].run(32, 1)  # warms up
    for load, most in zip(loads, (3_000, 1_000), strict=True):
        usual = [load.run(connections, 2) for connections in (32, 64)]
        capacity = max(usual, key=lambda each: each.served)
        rounds.append(capacity)
        for connections in (5 * capacity.connections, most):
            # Longer: to open thousands of connections takes some of it.
            rounds.append(load.run(connections, 6, capacity))
            print(f"{'FAIL' if rounds[-1].findings() else 'ok  '}  {rounds[-1]}", flush=True)
    return rounds


@dataclass(frozen=True)
class Load:
    """One kind of request. sample: the request of the callers that measure what is served."""

    lab: Laboratory
    what: str
    method: str
    path: str
    sample: bytes

    def run(self, connections: int, seconds: int, capacity: Round | None = None) -> Round:
        """Load the service for so long with so many connections."""
        return asyncio.run(self._run(connections, seconds, capacity))

    async def _run(self, connections: int, seconds: int, capacity: Round | None) -> Round:
        port = self.lab.service.port
        keys = [key for tenant, key in self.lab.keys.items() if tenant.startswith("caller-")]
        with on_processor(-1):
            wrk = await asyncio.create_subprocess_exec(
                "nice", "-n", "5", "wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s",
                "--timeout=10s", f"--script={_SCRIPT}", f"http://127.0.0.1:{port}{self.path}",
                env={**os.environ, "METHOD": self.method, "BODY": _EXECUTION, "API_KEYS": ",".join(keys)},
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        served = Noticed()
        until = time.monotonic() + seconds
        await asyncio.gather(*(_sample(port, self.sample, until, served) for _ in range(_CALLERS)))
        output, _ = await wrk.communicate()
        found = json.loads(output.decode().strip().splitlines()[-1])
        latencies = sorted(served.latencies)
        return Round(
            self.what, connections,
            answered=found["answered"] / found["seconds"],
            served=(found["answered"] - found["refused"]) / found["seconds"],
            broken=found["broken"],
            p99=latencies[len(latencies) * 99 // 100] if latencies else float("inf"),
            capacity=capacity,
        )  # fmt: skip


async def _sample(port: int, request: bytes, until: float, served: Noticed) -> None:
    connection = Connection(port)
    while time.monotonic() < until:
        started = time.monotonic()
        failure = await connection.ask(request)
        served.note(time.monotonic() - started, failure)
        if failure:
            connection.close()  # a caller that was refused is made to wait on the same connection
            await asyncio.sleep(_PAUSE)
    connection.close()

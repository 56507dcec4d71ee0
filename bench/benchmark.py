"""What every part of the benchmark shares: the databases, how long a load runs, and what has come out so far."""

import json
from pathlib import Path
from typing import Any

from bench.laboratory import EXECUTION, Laboratory
from bench.measure import Comparison, Load, Pair, compare, pgbench, wrk

EXECUTE = "/api/v1/agents/agent/execute"
POST = {"METHOD": "POST", "BODY": json.dumps(EXECUTION)}
GET = {"METHOD": "GET"}


class Benchmark:
    """The measurements of one run, on a smaller and a larger database."""

    def __init__(self, small: Laboratory, large: Laboratory, folder: Path, rounds: int, seconds: int) -> None:
        """folder: for files that are thrown away. seconds: of one load."""
        self.small, self.large = small, large
        self.folder = folder
        self.rounds = rounds
        self.seconds = seconds
        self.comparisons: list[Comparison] = []
        self.facts: dict[str, Any] = {"records to read": [small.records, large.records]}

    def sql(self, laboratory: Laboratory, role: str, script: str, clients: int, **variables: str) -> Load:
        """Return a load by pgbench."""
        server = laboratory.server
        return pgbench(
            server.binaries, server.socket_folder, laboratory.name, role, script,
            seconds=self.seconds, clients=clients, variables={"api_key": laboratory.api_key, **variables},
        )  # fmt: skip

    def http(self, url: str, connections: int, **environment: str) -> Load:
        """Return a load by wrk."""
        environment |= {"API_KEY": self.small.api_key, "TENANT": "bench"}
        return wrk(url, seconds=self.seconds, connections=connections, **environment)

    def measure(self, title: str, pairs: list[Pair], loads: dict[str, Load]) -> None:
        """Compare, and keep what came out."""
        print(title, flush=True)
        self.comparisons += compare(pairs, loads, self.rounds)

    def tell(self, fact: str, value: Any) -> None:
        """Keep what is no ratio."""
        self.facts[fact] = value

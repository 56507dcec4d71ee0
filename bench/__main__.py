"""`make bench`: how fast Ringfence is, against the two limits it has: the web framework doing nothing, and PostgreSQL
inserting without us. `make bench-quick` is the same with fewer and shorter rounds.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app.private_server import PrivateServer, wheel_binaries
from bench import report
from bench.laboratory import EXECUTION, SERVER_SETTINGS, Laboratory, answer_of, ensure_wrk, serving
from bench.measure import Comparison, Load, Pair, compare, pgbench, wrk

INSERTS = [
    Pair("insert in SQL, named tenant / INSERT by the owner", "header", "owner", 0.85),
    Pair("insert in SQL, API key / INSERT by the owner", "key", "owner", 0.65),
    Pair("insert in SQL, API key / named tenant", "key", "header", None),
]
EXECUTES = [
    Pair("execute / no-op route, 32 connections", "execute", "no-op", 0.65),
    Pair("execute / route that does one SELECT 1, 32 connections", "execute", "SELECT 1", 1.3),
    Pair("execute on the JSONL file / no-op route", "execute on file", "no-op", 0.6),
]
LONE = [
    Pair("latency of a lone execute / four-statement transaction", "execute alone", "four statements", 1.0, "latency")
]
LISTS = [Pair("list of 50 / GET of the same bytes, 32 connections", "list", "bytes", 0.5)]
PAGES = [
    Pair("latency of a list in SQL, named tenant / by the owner", "list by name", "list by owner", 1.1, "latency"),
    Pair("latency of a list in SQL, page 1,000 / page 1", "page 1000", "page 1", 1.2, "latency"),
    Pair("latency of a list in SQL, larger table / smaller", "in large", "in small", 1.2, "latency"),
]
WORKERS = [Pair("execute, two workers / one", "two workers", "one worker", None)]


class Benchmark:
    """All of the measurements, on a smaller and a larger database."""

    def __init__(self, small: Laboratory, large: Laboratory, folder: Path, rounds: int, seconds: int) -> None:
        """folder: for files that are thrown away. seconds: of one load."""
        self.small, self.large = small, large
        self.folder = folder
        self.rounds = rounds
        self.seconds = seconds
        self.comparisons: list[Comparison] = []
        self.facts: dict[str, Any] = {"records to read": (small.records, large.records)}

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

    def in_sql(self) -> None:
        """Measure lists and inserts without the service."""
        large = self.large
        self.facts["buffers of a page of 50"] = (self.small.buffers_of_a_page(), large.buffers_of_a_page())
        cursor = f"'{large.cursor_before(1000)}'"
        self.measure("Lists in SQL, pgbench, one client", PAGES, {
            "list by owner": self.sql(large, "bench_owner", "list_owner.sql", 1),
            "list by name": self.sql(large, "bench_header", "list_header.sql", 1),
            "page 1": self.sql(large, "bench_key", "list_page.sql", 1, cursor="''"),
            "page 1000": self.sql(large, "bench_key", "list_page.sql", 1, cursor=cursor),
            "in small": self.sql(self.small, "bench_key", "list_key.sql", 1),
            "in large": self.sql(large, "bench_key", "list_key.sql", 1),
        })  # fmt: skip
        self.measure("Inserts, pgbench, 16 clients", INSERTS, {
            "owner": self.sql(self.small, "bench_owner", "insert_owner.sql", 16),
            "header": self.sql(self.small, "bench_header", "insert_header.sql", 16),
            "key": self.sql(self.small, "bench_key", "insert_key.sql", 16),
        })  # fmt: skip

    def over_http(self) -> None:
        """Measure the service beside the reference."""
        url, name = self.small.server.url, self.small.name
        post = {"METHOD": "POST", "BODY": json.dumps(EXECUTION)}
        with ExitStack() as running:
            service = running.enter_context(serving("-m", "app", DATABASE_URL=url("bench_key", name)))
            page = self.folder / "page.json"
            page.write_text(self.small.keyed("SELECT audit.list_audit_logs()")[0])
            reference = running.enter_context(serving(
                "-m", "uvicorn", "bench.reference_app:app", "--port", "{port}", "--no-access-log",
                DATABASE_URL=url("bench_header", name), PAGE=str(page),
                ANSWER=json.dumps(answer_of(service, Authorization=f"Bearer {self.small.api_key}")),
            ))  # fmt: skip
            file = running.enter_context(serving("-m", "app", AUDIT_LOG_PATH=str(self.folder / "audit.jsonl")))
            route = "/api/v1/agents/agent/execute"
            self.measure("Lists over HTTP, wrk, 32 connections", LISTS, {
                "bytes": self.http(f"{reference}/page", 32, METHOD="GET"),
                "list": self.http(f"{service}/api/v1/audit/logs", 32, METHOD="GET"),
            })  # fmt: skip
            self.measure("Executions over HTTP, wrk, 32 connections", EXECUTES, {
                "no-op": self.http(f"{reference}/no-op/agent", 32, **post),
                "SELECT 1": self.http(f"{reference}/select-1/agent", 32, **post),
                "execute": self.http(service + route, 32, **post),
                "execute on file": self.http(file + route, 32, **post),
            })  # fmt: skip
            self.measure("Executions over HTTP, one connection", LONE, {
                "four statements": self.http(f"{reference}/four-statements/agent", 1, **post),
                "execute alone": self.http(service + route, 1, **post),
            })  # fmt: skip
            self.count_commits(self.http(service + route, 32, **post))

    def count_commits(self, load: Load) -> None:
        """Note what a record costs in commits and write-ahead log while 32 connections write."""
        load()
        with self.small.superuser() as connection:
            ((before,),) = connection.execute("SELECT count(*) FROM audit.audit_logs").fetchall()
            commits, position = self.small.commits(), self.small.wal_position()
            load()
            connection.execute("SELECT pg_stat_clear_snapshot()")
            ((after,),) = connection.execute("SELECT count(*) FROM audit.audit_logs").fetchall()
        self.facts["commits per record"] = round((self.small.commits() - commits) / (after - before), 3)
        self.facts["WAL bytes per record"] = round((self.small.wal_position() - position) / (after - before))

    def with_two_workers(self) -> None:
        """Measure one worker and two in turn: what the second brings, and costs."""
        database_url = self.small.server.url("bench_key", self.small.name)
        post = {"METHOD": "POST", "BODY": json.dumps(EXECUTION)}
        with ExitStack() as running:
            loads = {}
            for name, workers in (("one worker", "1"), ("two workers", "2")):
                service = running.enter_context(
                    serving("-m", "app", DATABASE_URL=database_url, WEB_CONCURRENCY=workers)
                )
                loads[name] = self.http(f"{service}/api/v1/agents/agent/execute", 32, **post)
            self.measure("Executions over HTTP, wrk, 32 connections, by workers", WORKERS, loads)


def main() -> int:
    """Measure, show and write down; return 0, also where a target is missed: a miss is a result."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer and shorter rounds, nothing written")
    arguments = parser.parse_args()
    ensure_wrk()
    rounds, seconds, records = (3, 1, 600_000) if arguments.quick else (5, 3, 10_000_000)
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PrivateServer(wheel_binaries(), folder / "server")
        try:
            server.start(*SERVER_SETTINGS)
            print(f"Making {records:,} records to read", flush=True)
            large, small = Laboratory(server, "large", records), Laboratory(server, "small", 100_000)
            benchmark = Benchmark(small, large, folder, rounds, seconds)
            benchmark.in_sql()
            benchmark.over_http()
            benchmark.with_two_workers()
        finally:
            server.remove()
    print(f"\n{report.table(benchmark.comparisons)}")
    for fact, value in benchmark.facts.items():
        print(f"{fact}: {value}")
    if not arguments.quick:
        report.write(benchmark.comparisons, benchmark.facts, SERVER_SETTINGS)
    return 0


if __name__ == "__main__":
    sys.exit(main())

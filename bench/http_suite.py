"""Executions and lists over HTTP, beside routes that do less: what the service costs on top of its framework."""

import json
from contextlib import ExitStack, closing

from bench.benchmark import EXECUTE, GET, POST, Benchmark
from bench.laboratory import Laboratory, answer_of, request, serving
from bench.measure import Pair
from bench.processes import Service
from tests.counting_proxy import CountingProxy

EXECUTES = [
    Pair("execute / no-op route, 32 connections", "execute", "no-op", 0.65),
    Pair("execute / route that does one SELECT 1, 32 connections", "execute", "SELECT 1", 1.3),
    Pair("execute on the JSONL file / no-op route", "execute on file", "no-op", 0.6),
]
LONE = [
    Pair("latency of a lone execute / four-statement transaction", "execute alone", "four statements", 1.0, "latency")
]
LISTS = [Pair("list of 50 / GET of the same bytes, 32 connections", "list", "bytes", 0.5)]
WORKERS = [Pair("execute, two workers / one", "two workers", "one worker", None)]


def over_http(benchmark: Benchmark) -> None:
    """Measure the service beside the reference."""
    small = benchmark.small
    url = small.server.url
    with ExitStack() as running:
        service = running.enter_context(serving("-m", "app", DATABASE_URL=url("bench_key", small.name))).url
        page = benchmark.folder / "page.json"
        page.write_text(small.keyed("SELECT audit.list_audit_logs()")[0])
        reference = running.enter_context(serving(
            "-m", "uvicorn", "bench.reference_app:app", "--port", "{port}", "--no-access-log",
            DATABASE_URL=url("bench_header", small.name), PAGE=str(page),
            ANSWER=json.dumps(answer_of(service, Authorization=f"Bearer {small.api_key}")),
        )).url  # fmt: skip
        file = running.enter_context(serving("-m", "app", AUDIT_LOG_PATH=str(benchmark.folder / "audit.jsonl"))).url
        benchmark.measure("Lists over HTTP, wrk, 32 connections", LISTS, {
            "bytes": benchmark.http(f"{reference}/page", 32, **GET),
            "list": benchmark.http(f"{service}/api/v1/audit/logs", 32, **GET),
        })  # fmt: skip
        benchmark.measure("Executions over HTTP, wrk, 32 connections", EXECUTES, {
            "no-op": benchmark.http(f"{reference}/no-op/agent", 32, **POST),
            "SELECT 1": benchmark.http(f"{reference}/select-1/agent", 32, **POST),
            "execute": benchmark.http(service + EXECUTE, 32, **POST),
            "execute on file": benchmark.http(file + EXECUTE, 32, **POST),
        })  # fmt: skip
        benchmark.measure("Executions over HTTP, one connection", LONE, {
            "four statements": benchmark.http(f"{reference}/four-statements/agent", 1, **POST),
            "execute alone": benchmark.http(service + EXECUTE, 1, **POST),
        })  # fmt: skip
        _count_commits(benchmark, service)
    _count_round_trips(benchmark)


def with_two_workers(benchmark: Benchmark) -> None:
    """Measure one worker and two in turn: what the second brings, and costs."""
    small = benchmark.small
    with ExitStack() as running:
        services, loads = {}, {}
        for name, workers in (("one worker", "1"), ("two workers", "2")):
            services[name] = running.enter_context(
                serving("-m", "app", DATABASE_URL=small.server.url("bench_key", small.name), WEB_CONCURRENCY=workers)
            )
            loads[name] = benchmark.http(services[name].url + EXECUTE, 32, **POST)
        benchmark.measure("Executions over HTTP, wrk, 32 connections, by workers", WORKERS, loads)
        for name, service in services.items():
            benchmark.tell(f"{name}: cost", _cost(benchmark, service))


def _cost(benchmark: Benchmark, service: Service) -> dict[str, float]:
    before = service.cpu_seconds()
    rate = benchmark.http(service.url + EXECUTE, 32, **POST)()
    requests = rate.per_second * benchmark.seconds
    return {
        "CPU microseconds a request": round((service.cpu_seconds() - before) / requests * 1e6),
        "resident MiB": round(service.memory_mib()),
    }


def _count_commits(benchmark: Benchmark, service: str) -> None:
    """Note what a record costs in commits and write-ahead log while 32 connections write."""
    small = benchmark.small
    load = benchmark.http(service + EXECUTE, 32, **POST)
    load()
    before, commits, position = small.records_of_the_tenant(), small.commits(), small.wal_position()
    load()
    written = small.records_of_the_tenant() - before
    benchmark.tell("commits a record, 32 connections", round((small.commits() - commits) / written, 3))
    benchmark.tell("WAL bytes a record, 32 connections", round((small.wal_position() - position) / written))


def _count_round_trips(benchmark: Benchmark) -> None:
    """Note how often a request waits for the database, on a connection that is open already."""
    small: Laboratory = benchmark.small
    with closing(CountingProxy(str(small.server.socket_folder / ".s.PGSQL.5432"))) as proxy:
        url = f"postgresql://bench_key@127.0.0.1:{proxy.port}/{small.name}?sslmode=disable&gssencmode=disable"
        with serving("-m", "app", DATABASE_URL=url, DATABASE_POOL_SIZE="1") as service:
            headers = {"Authorization": f"Bearer {small.api_key}"}
            for name, path, body in (("execute", EXECUTE, POST["BODY"]), ("list", "/api/v1/audit/logs", None)):
                request(service.url + path, body, headers)
                before = proxy.round_trips
                for _ in range(10):
                    request(service.url + path, body, headers)
                benchmark.tell(f"round trips of one {name}", (proxy.round_trips - before) / 10)

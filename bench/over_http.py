"""What is measured over HTTP with wrk: executions and lists, beside routes that do nothing and beside peers."""

import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench import costs, pairs
from bench.in_sql import WRITERS
from bench.laboratory import Laboratory
from bench.loads import paced_wrk, wrk
from bench.measure import Fact
from bench.run import Run, sql
from bench.serving import EXECUTE, EXECUTION, LOGS, Service, serving

CONNECTIONS = 32
PACED_CONNECTIONS = 64
"""At half load. The more there are, the longer each pauses; the service refuses one caller's 97th write at once."""
POOL_SIZE = "10"
"""Database connections of a peer: as many as the service's."""
MODULES = {
    "async peer": "bench.peers.async_sqlalchemy",
    "threaded peer": "bench.peers.threaded_sqlalchemy",
    "four statements": "bench.peers.four_statements",
}


@dataclass(frozen=True)
class Services:
    """Those that run. An idle one costs nothing.

    writing, reading: on the two databases; two: like writing, with two workers; file: on the JSONL file; plain,
    own_stack: bench/references; writing_peers, reading_peers: bench/peers.
    """

    writing: Service
    reading: Service
    two: Service
    file: Service
    plain: Service
    own_stack: Service
    writing_peers: dict[str, Service]
    reading_peers: dict[str, Service]


@contextmanager
def services(run: Run) -> Iterator[Services]:
    """Run all of the services."""
    writing, reading = run.writing, run.reading
    page = run.folder / "page.json"
    page.write_text(reading.keyed("SELECT audit.list_audit_logs()"))
    with ExitStack() as running:

        def start(*command: str, **environment: str) -> Service:
            return running.enter_context(serving(*(command or ("-m", "app")), **environment))

        def uvicorn(module: str, **environment: str) -> Service:
            options = ("--port", "{port}", "--no-access-log")
            return start("-m", "uvicorn", f"{module}:app", *options, **environment)

        def peer(name: str, laboratory: Laboratory) -> Service:
            role = "bench_key" if name == "four statements" else "bench_header"
            return uvicorn(
                MODULES[name], POOL_SIZE=POOL_SIZE,
                PGHOST=str(laboratory.server.socket_folder), PGUSER=role, PGDATABASE=laboratory.name,
            )  # fmt: skip

        service = start(DATABASE_URL=writing.url("bench_key"))
        answer = service.post(EXECUTE, costs.CONTENT, Authorization=f"Bearer {writing.api_key}")
        same = {"PAGE": str(page), "ANSWER": json.dumps(answer)}
        yield Services(
            writing=service,
            two=start(DATABASE_URL=writing.url("bench_workers"), WEB_CONCURRENCY="2"),
            reading=start(DATABASE_URL=reading.url("bench_key")),
            file=start(AUDIT_LOG_PATH=str(run.folder / "audit.jsonl")),
            plain=uvicorn("bench.references.plain", **same),
            own_stack=start(
                "-m", "bench.references.own_stack", AUDIT_LOG_PATH=str(run.folder / "own-stack.jsonl"), **same
            ),
            writing_peers={name: peer(name, writing) for name in MODULES},
            reading_peers={name: peer(name, reading) for name in MODULES if name != "four statements"},
        )


def lists(run: Run, services: Services) -> None:
    """Measure lists of fifty."""
    key = run.reading.api_key
    ours = json.loads(services.reading.get(LOGS, Authorization=f"Bearer {key}"))
    for name, peer in services.reading_peers.items():
        theirs = json.loads(peer.get("/logs", **{"X-Tenant-ID": "bench"}))
        if _comparable(theirs) != _comparable(ours):
            raise RuntimeError(f"{name}: the list is not the same work")
    get = {"METHOD": "GET", "API_KEY": key, "TENANT": "bench"}
    run.measure(f"Lists over HTTP, wrk, {CONNECTIONS} connections", pairs.LISTS, {
        "bytes, plain": wrk(f"{services.plain.url}/page", CONNECTIONS, **get),
        "bytes, own stack": wrk(f"{services.own_stack.url}/page", CONNECTIONS, **get),
        **{name: wrk(f"{peer.url}/logs", CONNECTIONS, **get) for name, peer in services.reading_peers.items()},
        "list": wrk(services.reading.url + LOGS, CONNECTIONS, **get),
    })  # fmt: skip


def _comparable(page: dict[str, Any]) -> list[dict[str, Any]]:
    def at(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    times = ("created_at", "recorded_at")
    return [item | {name: at(item[name]) for name in times} for item in page["items"]]


def executions(run: Run, services: Services) -> None:
    """Measure executions: many at once, one alone, and at half load; and count what they cost."""
    writing = run.writing
    _check_stored(writing, services)
    post = {"METHOD": "POST", "BODY": json.dumps(EXECUTION), "API_KEY": writing.api_key, "TENANT": "bench"}
    execute = wrk(services.writing.url + EXECUTE, CONNECTIONS, **post)
    one, two = costs.Meter(services.writing, writing), costs.Meter(services.two, writing)
    run.measure(f"Executions over HTTP, wrk, {CONNECTIONS} connections", pairs.EXECUTES, {
        "no-op, plain": wrk(f"{services.plain.url}/no-op/agent", CONNECTIONS, **post),
        "no-op, own stack": wrk(f"{services.own_stack.url}/no-op/agent", CONNECTIONS, **post),
        **{
            name: wrk(f"{peer.url}/execute/agent", CONNECTIONS, **post)
            for name, peer in services.writing_peers.items()
        },
        "execute": one.metered(execute),
        "two workers": two.metered(wrk(services.two.url + EXECUTE, CONNECTIONS, **post)),
        "execute on file": wrk(services.file.url + EXECUTE, CONNECTIONS, **post),
    })  # fmt: skip
    run.results.facts += [
        Fact("processor time a request, one worker", "ms", one.milliseconds()),
        Fact("processor time a request, two workers", "ms", two.milliseconds()),
        Fact(f"connections to the database, after {CONNECTIONS} connections", "connections", {
            "one worker": writing.connections_of_service("bench_key"),
            "two workers": writing.connections_of_service("bench_workers"),
        }),
        Fact("peak memory of the service, executions", "MB", {
            "one worker": services.writing.peak_memory(),
            "two workers": services.two.peak_memory(),
        }),
    ]  # fmt: skip
    alone = wrk(services.writing.url + EXECUTE, 1, **post)
    run.measure("Executions over HTTP, wrk, one connection", pairs.LONE, {
        **{
            name: wrk(f"{services.writing_peers[name].url}/execute/agent", 1, **post)
            for name in ("four statements", "async peer")
        },
        "execute": alone,
    })  # fmt: skip
    _half_load(run, services, post)
    run.clock.say("Commits and write-ahead log")
    run.results.facts += costs.write_costs(writing, {
        "INSERT by the owner": sql(writing, "bench_owner", "insert_owner.sql", WRITERS),
        "execute alone": alone,
        f"execute, {CONNECTIONS} connections": execute,
    }, run.plan.seconds)  # fmt: skip


def _half_load(run: Run, services: Services, post: dict[str, str]) -> None:
    full = next(one.ours for one in run.results.comparisons if one.pair.ours == "execute" and one.pair.of == "rate")
    most = statistics.median(rate.per_second for rate in full)
    load = paced_wrk(services.writing.url + EXECUTE, PACED_CONNECTIONS, most / 2, **post)
    run.measure("Executions at half of that rate, wrk with pauses", pairs.HALF_LOAD, {"half load": load})
    reached = statistics.median(rate.per_second for rate in run.results.comparisons[-1].ours)
    run.results.facts.append(Fact("rate at half load", "of the rate without pauses", {
        f"{PACED_CONNECTIONS} connections": round(reached / most, 2),
    }))  # fmt: skip


def _check_stored(writing: Laboratory, services: Services) -> None:
    """Raise RuntimeError unless each peer stores one record of the tenant for one execution, as the service does."""
    count = "SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'bench' AND user_id = 'jane'"
    credentials = {"Authorization": f"Bearer {writing.api_key}", "X-Tenant-ID": "bench"}
    for name, peer in services.writing_peers.items():
        before = writing.value(count)
        peer.post("/execute/agent", costs.CONTENT, **credentials)
        if writing.value(count) != before + 1:
            raise RuntimeError(f"{name}: the execution is not the same work")

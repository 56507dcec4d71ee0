"""What a request costs, counted rather than timed: buffers, round trips, commits, write-ahead log, memory."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg

from bench.bulk_files import write_lines
from bench.counting_proxy import counting
from bench.laboratory import Laboratory
from bench.loads import download, upload
from bench.measure import Fact, Load, Rate
from bench.serving import EXECUTE, EXECUTION, EXPORT, LOGS, Service, processor_seconds, serving

CONTENT = json.dumps(EXECUTION).encode()
FEW = 1000
FILTERS = {
    "none": "",
    "common agent": "p_agent_id => 'common'",
    "rare agent": "p_agent_id => 'rare'",
    "trace": "p_trace_id => md5('trace' || 100000)",
    "common user": "p_user_id => 'common'",
    "rare user": "p_user_id => 'rare'",
    "common status": "p_status => 'success'",
    "rare status": "p_status => 'denied'",
    "http_status, none has it": "p_http_status => 500",
}


def buffers_of_pages(laboratory: Laboratory) -> list[Fact]:
    """Count the buffers that a page of fifty takes, by filter: the list's own, and those with the proof."""
    facts = []
    for kind, role, enter, value in (
        ("a named tenant", "bench_header", "SELECT audit.set_tenant(%s)", "bench"),
        ("an API key", "bench_key", "SELECT audit.enter_tenant(%s)", laboratory.api_key),
    ):
        found = {}
        with psycopg.connect(laboratory.url(role), autocommit=True) as connection:
            for name, condition in FILTERS.items():
                for _ in range(2):  # the first time in a session PostgreSQL reads its catalogue
                    with connection.transaction():
                        connection.execute(enter.encode(), [value])
                        query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT audit.list_audit_logs({condition})"
                        (((plan, *_),),) = connection.execute(query.encode()).fetchall()
                found[name] = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        facts.append(Fact(f"page of 50 in {laboratory.records:,} records, {kind}, by filter", "buffers", found))
    return facts


def calls(laboratory: Laboratory) -> Fact:
    """Time calls of functions in the server, one after the other in one transaction, so without what begins it."""
    found = {}
    with psycopg.connect(laboratory.url("bench_key"), autocommit=True) as connection:
        for call, times in (
            ("audit.enter_tenant(%(key)s)", 2000),
            ("audit.proven_tenant('write')", 10_000),
            ("audit.list_audit_logs()", 300),
        ):
            with connection.transaction():
                connection.execute("SELECT audit.enter_tenant(%(key)s)", {"key": laboratory.api_key})
                query = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) SELECT {call} FROM generate_series(1, {times})"  # noqa: S608
                (((plan, *_),),) = connection.execute(query.encode(), {"key": laboratory.api_key}).fetchall()
            found[call.partition("(")[0]] = round(1000 * plan["Execution Time"] / times, 1)
    return Fact("a call in the server", "microseconds", found)


def round_trips(laboratory: Laboratory, folder: Path) -> Fact:
    """Count how often the service waits for the server, for each kind of request, on a connection that is in use."""
    server = laboratory.server
    with counting(server.socket_folder / ".s.PGSQL.5432") as proxy:
        url = f"postgresql://bench_key@127.0.0.1:{proxy.port}/{laboratory.name}?sslmode=disable&gssencmode=disable"
        with serving("-m", "app", DATABASE_URL=url, DATABASE_POOL_SIZE="1") as service:
            key = laboratory.api_key
            lines = write_lines(folder / "few.ndjson", FEW)
            requests: dict[str, Callable[[], object]] = {
                "execute": lambda: service.post(EXECUTE, CONTENT, Authorization=f"Bearer {key}"),
                "list": lambda: service.get(LOGS, Authorization=f"Bearer {key}"),
                f"{FEW:,} records": lambda: upload(service.url + LOGS, key, lines, FEW)(0),
                f"export of {FEW:,} records": lambda: download(
                    service.url + EXPORT, laboratory.api_key_of_few, FEW
                )(0),
            }  # fmt: skip
            found = {}
            for name, request in requests.items():
                for _ in range(3):
                    before = proxy.round_trips
                    request()
                    time.sleep(0.05)  # a connection may be tidied after the answer; that counts
                    found[name] = proxy.round_trips - before
    return Fact("round trips to the database a request", "round trips", found)


def write_costs(laboratory: Laboratory, loads: Mapping[str, Load], seconds: int) -> list[Fact]:
    """Count what a record costs in commits and write-ahead log under each load.

    Images of whole pages, which are written after a checkpoint whoever writes, are left out.
    """
    commits, size = {}, {}
    with psycopg.connect(laboratory.server.url("postgres"), autocommit=True) as connection:
        # In a database of its own: nothing is added to the one that is measured.
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        for name, load in loads.items():
            load(1)
            before = laboratory.value("SELECT count(*) FROM audit.audit_logs")
            ((start,),) = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchall()
            load(seconds)
            time.sleep(0.2)  # for what was under way when the load ended
            ((found, written),) = connection.execute(
                "SELECT sum(count) FILTER (WHERE \"resource_manager/record_type\" = 'Transaction/COMMIT'),"
                "       sum(record_size)"
                " FROM pg_get_wal_stats(%s, pg_current_wal_flush_lsn(), true)",
                [start],
            ).fetchall()
            records = laboratory.value("SELECT count(*) FROM audit.audit_logs") - before
            commits[name], size[name] = round(float(found) / records, 3), round(float(written) / records)
    return [Fact("commits a record", "commits", commits), Fact("write-ahead log a record", "bytes", size)]


def peak_memory(writing: Laboratory, reading: Laboratory, folder: Path, sent: int) -> list[Fact]:
    """Measure the service's largest resident size after few records and after many, a service for each kind."""
    lists = {"Authorization": f"Bearer {writing.api_key}"}
    with serving("-m", "app", DATABASE_URL=writing.url("bench_key")) as service:
        service.get(LOGS, **lists)
        intake = {"idle": service.peak_memory()}
        for count in (FEW, sent):
            lines = write_lines(folder / f"{count}.ndjson", count)
            upload(service.url + LOGS, writing.api_key, lines, count)(0)
            intake[f"{count:,} records"] = service.peak_memory()
    whole = reading.records // 10
    with serving("-m", "app", DATABASE_URL=reading.url("bench_key")) as service:
        service.get(LOGS, Authorization=f"Bearer {reading.api_key}")
        export = {"idle": service.peak_memory()}
        for count, key in ((FEW, reading.api_key_of_few), (whole, reading.api_key)):
            check_export(service, key, count)
            export[f"{count:,} records"] = service.peak_memory()
    return [
        Fact("peak memory of the service, bulk intake", "MB", intake),
        Fact("peak memory of the service, export of a tenant", "MB", export),
    ]


def check_export(service: Service, api_key: str, count: int, query: str = "") -> None:
    """Export, and raise RuntimeError unless all `count` records come, and the line that says so."""
    last = service.last_line(EXPORT + query, Authorization=f"Bearer {api_key}")
    if json.loads(last) != {"complete": True, "count": count}:
        raise RuntimeError(f"{count} records were expected: {last!r}")


class Meter:
    """Wraps the loads on one service, and adds up what they cost in processor time, the database server's included.

    Nobody else may use the server meanwhile.
    """

    def __init__(self, service: Service, laboratory: Laboratory) -> None:
        # The server's first process is the parent of every session's.
        session = laboratory.superuser()
        with session:
            ((process,),) = session.execute("SELECT pg_backend_pid()").fetchall()
            status = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        self._roots = {"service": service.process, "server": int(status[1])}
        self._seconds = dict.fromkeys(self._roots, 0.0)
        self._requests = 0

    def metered(self, load: Load) -> Load:
        """Return the same load, metered."""

        def run(seconds: int) -> Rate:
            before = {name: processor_seconds(root) for name, root in self._roots.items()}
            rate = load(seconds)
            for name, root in self._roots.items():
                self._seconds[name] += processor_seconds(root) - before[name]
            self._requests += rate.count
            return rate

        return run

    def milliseconds(self) -> dict[str, float]:
        """Return the milliseconds a request, of the service and of the database server."""
        return {name: round(1000 * seconds / self._requests, 3) for name, seconds in self._seconds.items()}

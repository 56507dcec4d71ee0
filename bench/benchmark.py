"""What is compared, each against the same work: in SQL, over HTTP, in bulk."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import costs
from bench.bulk_files import copy_command, write_history, write_lines
from bench.laboratory import SCRIPTS, Laboratory
from bench.loads import download, history, pgbench, psql, upload, wrk
from bench.measure import Clock, Comparison, Load, Pair, Plan, compare
from bench.serving import EXECUTE, EXECUTION, EXPORT, LOGS, Service, serving

PAGES = [
    Pair("list of 50 in SQL, named tenant", "the same by the owner", "by name", "by owner", 1.1, "latency"),
    Pair("list of 50 in SQL, API key", "the same by the owner", "by key", "by owner", None, "latency"),
    Pair("list of 50, page 1,000", "page 1", "page 1000", "by key", 1.2, "latency"),
    Pair("list of 50 in the larger table", "in the smaller", "by key", "in smaller", 1.2, "latency"),
]
INSERTS = [
    Pair("insert in SQL, named tenant", "bare INSERT by the owner", "header", "owner", 0.85),
    Pair("insert in SQL, API key", "bare INSERT by the owner", "key", "owner", 0.65),
    Pair("insert in SQL, API key", "named tenant", "key", "header", None),
    Pair("bare INSERT, all indexes", "the design's three alone", "all indexes", "three indexes", None),
]
LISTS = [Pair("list of 50, 32 connections", "GET of the same bytes", "list", "bytes", 0.5)]
EXECUTES = [
    Pair("execute, 32 connections", "no-op route", "execute", "no-op", 0.65),
    Pair("execute, 32 connections", "route with one SELECT 1", "execute", "SELECT 1", 1.3),
    Pair("execute on the JSONL file", "no-op route", "execute on file", "no-op", 0.6),
    Pair("execute, two workers", "one worker", "two workers", "execute", None),
]
LONE = [
    Pair("execute alone", "four-statement transaction", "execute", "four statements", 1.0, "latency"),
    Pair("execute alone", "four statements, tenant named", "execute", "four, tenant named", None, "latency"),
]
INTAKES = [
    Pair("bulk intake as NDJSON", "COPY FROM by the owner", "intake", "COPY FROM", 0.4),
    Pair("import of a file", "COPY FROM by the owner", "import", "COPY FROM", None),
]
EXPORTS = [
    Pair("export as NDJSON", "COPY TO by the owner, as text", "export", "COPY as text", 0.6),
    Pair("export as NDJSON", "COPY TO by the owner, same JSON", "export", "COPY as JSON", None),
]


@dataclass(frozen=True)
class Services:
    """Those that run.

    writing, reading: on the two databases; two: like writing, with two workers; file: on the JSONL file; reference:
    bench/reference_app.py.
    """

    writing: Service
    reading: Service
    two: Service
    file: Service
    reference: Service


class Benchmark:
    """All of the measurements. What is read lies in one database, what is written goes into another."""

    def __init__(self, writing: Laboratory, reading: Laboratory, folder: Path, plan: Plan, clock: Clock) -> None:
        """Take the smaller database for writing, the larger for reading, and a folder for what is thrown away."""
        self.writing, self.reading = writing, reading
        self.folder, self.plan, self.clock = folder, plan, clock
        self.comparisons: list[Comparison] = []
        self.facts: list[costs.Fact] = []

    def run(self) -> None:
        """Measure everything."""
        self._lists_in_sql()
        self._inserts_in_sql()
        self.clock.say("Starting the services")
        with self._services() as services:
            self._lists(services)
            self._exports(services)
            self._executions(services)
            self._intakes(services)
        self.clock.say("Round trips and memory")
        self.facts.append(costs.round_trips(self.writing, self.folder))
        self.facts += costs.peak_memory(self.writing, self.reading, self.folder, self.plan.sent)
        self.clock.say("Done")

    def _measure(self, title: str, pairs: list[Pair], loads: dict[str, Load]) -> None:
        self.clock.say(title)
        self.comparisons += compare(pairs, loads, self.plan)

    def _sql(self, laboratory: Laboratory, role: str, script: str, clients: int, **variables: str) -> Load:
        server = laboratory.server
        variables["api_key"] = laboratory.api_key
        return pgbench(server.binaries, server.socket_folder, laboratory.name, role, script, clients, **variables)

    def _lists_in_sql(self) -> None:
        self.clock.say("Buffers of pages")
        self.facts += costs.buffers_of_pages(self.reading)
        self.facts.append(costs.calls(self.reading))
        ours = self.reading.keyed("SELECT audit.list_audit_logs()")
        theirs = self.reading.value((SCRIPTS / "list_owner.sql").read_text())
        if json.loads(ours)["items"] != json.loads(theirs)["items"]:
            raise RuntimeError("the owner's list is not the same work")
        cursor = self.reading.cursor_before(1000)
        self._measure("Lists in SQL, pgbench, one client", PAGES, {
            "by owner": self._sql(self.reading, "bench_owner", "list_owner.sql", 1),
            "by name": self._sql(self.reading, "bench_header", "list_header.sql", 1),
            "by key": self._sql(self.reading, "bench_key", "list_page.sql", 1, cursor="none"),
            "page 1000": self._sql(self.reading, "bench_key", "list_page.sql", 1, cursor=cursor),
            "in smaller": self._sql(self.writing, "bench_key", "list_page.sql", 1, cursor="none"),
        })  # fmt: skip

    def _inserts_in_sql(self) -> None:
        three = Laboratory(self.writing.server, "three_indexes", self.writing.records)
        three.run("three_indexes.sql")
        self._measure("Inserts, pgbench, 16 clients", INSERTS, {
            "owner": self._sql(self.writing, "bench_owner", "insert_owner.sql", 16),
            "header": self._sql(self.writing, "bench_header", "insert_header.sql", 16),
            "key": self._sql(self.writing, "bench_key", "insert_key.sql", 16),
            "three indexes": self._sql(three, "bench_owner", "insert_user.sql", 16),
            "all indexes": self._sql(self.writing, "bench_owner", "insert_user.sql", 16),
        })  # fmt: skip

    @contextmanager
    def _services(self) -> Iterator[Services]:
        """Run all of the services; those that nobody asks for anything cost nothing."""
        writing, reading = self.writing, self.reading
        page = self.folder / "page.json"
        page.write_text(reading.keyed("SELECT audit.list_audit_logs()"))
        with ExitStack() as running:

            def start(*command: str, **environment: str) -> Service:
                return running.enter_context(serving(*(command or ("-m", "app")), **environment))

            service = start(DATABASE_URL=writing.url("bench_key"))
            answer = service.post(EXECUTE, costs.CONTENT, Authorization=f"Bearer {writing.api_key}")
            yield Services(
                writing=service,
                two=start(DATABASE_URL=writing.url("bench_workers"), WEB_CONCURRENCY="2"),
                reading=start(DATABASE_URL=reading.url("bench_key")),
                file=start(AUDIT_LOG_PATH=str(self.folder / "audit.jsonl")),
                reference=start(
                    "-m", "uvicorn", "bench.reference_app:app", "--port", "{port}", "--no-access-log",
                    KEYED_URL=writing.url("bench_key"), NAMED_URL=writing.url("bench_header"),
                    API_KEY=writing.api_key, PAGE=str(page), ANSWER=json.dumps(answer),
                ),
            )  # fmt: skip

    def _lists(self, services: Services) -> None:
        get = {"METHOD": "GET", "API_KEY": self.reading.api_key, "TENANT": "bench"}
        self._measure("Lists over HTTP, wrk, 32 connections", LISTS, {
            "bytes": wrk(f"{services.reference.url}/page", 32, **get),
            "list": wrk(services.reading.url + LOGS, 32, **get),
        })  # fmt: skip

    def _exports(self, services: Services) -> None:
        key, server, count = self.reading.api_key, self.reading.server, self.plan.exported
        start = self.reading.start_of_newest(count)

        def copy(script: str) -> Load:
            lines = (SCRIPTS / script).read_text().replace(":start", start).splitlines()
            command = " ".join(line.strip() for line in lines if not line.startswith("--"))
            return psql(server.binaries, server.socket_folder, self.reading.name, "bench_owner", lambda: command)

        costs.check_export(services.reading, key, count, f"?start_time={start}")
        self._measure(f"Export of {count:,} records, curl and psql", EXPORTS, {
            "COPY as text": copy("copy_rows.sql"),
            "COPY as JSON": copy("copy_json.sql"),
            "export": download(f"{services.reading.url}{EXPORT}?start_time={start}", key, count),
        })  # fmt: skip

    def _executions(self, services: Services) -> None:
        writing = self.writing
        post = {"METHOD": "POST", "BODY": json.dumps(EXECUTION), "API_KEY": writing.api_key, "TENANT": "bench"}
        reference, execute = services.reference.url, wrk(services.writing.url + EXECUTE, 32, **post)
        one, two = costs.Meter(services.writing, writing), costs.Meter(services.two, writing)
        self._measure("Executions over HTTP, wrk, 32 connections", EXECUTES, {
            "no-op": wrk(f"{reference}/no-op/agent", 32, **post),
            "SELECT 1": wrk(f"{reference}/select-1/agent", 32, **post),
            "execute": one.metered(execute),
            "two workers": two.metered(wrk(services.two.url + EXECUTE, 32, **post)),
            "execute on file": wrk(services.file.url + EXECUTE, 32, **post),
        })  # fmt: skip
        self.facts += [
            costs.Fact("processor time a request, one worker", "ms", one.milliseconds()),
            costs.Fact("processor time a request, two workers", "ms", two.milliseconds()),
            costs.Fact("connections to the database, after 32 connections", "connections", {
                "one worker": writing.connections_of_service("bench_key"),
                "two workers": writing.connections_of_service("bench_workers"),
            }),
            costs.Fact("peak memory of the service, executions", "MB", {
                "one worker": services.writing.peak_memory(),
                "two workers": services.two.peak_memory(),
            }),
        ]  # fmt: skip
        alone = wrk(services.writing.url + EXECUTE, 1, **post)
        self._measure("Executions over HTTP, wrk, one connection", LONE, {
            "four statements": wrk(f"{reference}/four-statements/agent", 1, **post),
            "four, tenant named": wrk(f"{reference}/four-statements-named/agent", 1, **post),
            "execute": alone,
        })  # fmt: skip
        self.clock.say("Commits and write-ahead log")
        self.facts += costs.write_costs(writing, {
            "INSERT by the owner": self._sql(writing, "bench_owner", "insert_owner.sql", 16),
            "execute alone": alone,
            "execute, 32 connections": execute,
        }, self.plan.seconds)  # fmt: skip

    def _intakes(self, services: Services) -> None:
        server, count = self.writing.server, self.plan.sent
        lines = write_lines(self.folder / "records.ndjson", count)
        rows = self.folder / "records.copy"
        self._measure(f"Bulk intake of {count:,} records, curl, psql and import_jsonl", INTAKES, {
            "COPY FROM": psql(
                server.binaries, server.socket_folder, self.writing.name, "bench_owner",
                lambda: copy_command(rows, count),
            ),
            "intake": upload(services.writing.url + LOGS, self.writing.api_key, lines, count),
            "import": history(
                lambda: write_history(self.folder / "history.jsonl", count), count,
                DATABASE_URL=self.writing.url("bench_key"), ADMIN_DATABASE_URL=self.writing.url("bench_owner"),
            ),
        })  # fmt: skip

"""What is measured in the database alone, with pgbench: lists, inserts, and inserts beside pgaudit."""

import json

from bench import costs, pairs
from bench.laboratory import SCRIPTS, Laboratory
from bench.peers import pgaudit
from bench.run import Run, sql

HASH_CHAIN = pgaudit.SETUP.with_name("hash_chain.sql")
WRITERS = 16
PGAUDIT_RECORDS = 100_000


def lists(run: Run) -> None:
    """Measure pages of fifty: by role, far down, by size of the table, and without statistics."""
    reading, writing = run.reading, run.writing
    run.clock.say("Buffers of pages")
    run.results.facts += costs.buffers_of_pages(reading)
    run.results.facts.append(costs.calls(reading))
    ours = reading.keyed("SELECT audit.list_audit_logs()")
    theirs = reading.value((SCRIPTS / "list_owner.sql").read_text())
    if json.loads(ours)["items"] != json.loads(theirs)["items"]:
        raise RuntimeError("the owner's list is not the same work")
    cursor, count = reading.cursor_before(1000), run.plan.unanalysed
    run.clock.say(f"Loading {count:,} records twice, without statistics and with")
    fresh = Laboratory(reading.server, "fresh", count, is_fresh=True)
    analysed = Laboratory(reading.server, "analysed", count, is_fresh=True)
    with analysed.superuser() as connection:
        connection.execute("ANALYZE audit.audit_logs")
    run.measure("Lists in SQL, pgbench, one client", pairs.PAGES, {
        "by owner": sql(reading, "bench_owner", "list_owner.sql", 1),
        "by name": sql(reading, "bench_header", "list_header.sql", 1),
        "by key": sql(reading, "bench_key", "list_page.sql", 1, cursor="none"),
        "page 1000": sql(reading, "bench_key", "list_page.sql", 1, cursor=cursor),
        "in smaller": sql(writing, "bench_key", "list_page.sql", 1, cursor="none"),
        "not analysed": sql(fresh, "bench_key", "list_page.sql", 1, cursor="none"),
        "analysed": sql(analysed, "bench_key", "list_page.sql", 1, cursor="none"),
    })  # fmt: skip
    if fresh.value("SELECT EXISTS (SELECT FROM pg_statistic WHERE starelid = 'audit.audit_logs'::regclass)"):
        raise RuntimeError("the fresh table has been analysed")


def inserts(run: Run) -> None:
    """Measure inserts of one record: bare, ours, and into a hash chain."""
    writing = run.writing
    with writing.superuser() as connection:
        connection.execute(HASH_CHAIN.read_bytes())
    run.measure(f"Inserts, pgbench, {WRITERS} clients", pairs.INSERTS, {
        "owner": sql(writing, "bench_owner", "insert_owner.sql", WRITERS),
        "header": sql(writing, "bench_header", "insert_header.sql", WRITERS),
        "key": sql(writing, "bench_key", "insert_key.sql", WRITERS),
        "one chain": sql(writing, "bench_header", "insert_chain.sql", WRITERS, tenants="1"),
        "nine chains": sql(writing, "bench_header", "insert_chain.sql", WRITERS, tenants="9"),
    })  # fmt: skip
    _check_chain(writing)


def _check_chain(writing: Laboratory) -> None:
    broken = writing.value(
        "SELECT count(*) FROM (SELECT previous_hash IS DISTINCT FROM lag(hash) OVER (PARTITION BY tenant_id"
        " ORDER BY chain_number) AS is_broken FROM peer.chained_logs) AS link WHERE is_broken"
    )
    if broken or not writing.value("SELECT count(*) FROM peer.chained_logs"):
        raise RuntimeError(f"the hash chain is not a chain: {broken} links are broken")


def beside_pgaudit(run: Run) -> None:
    """Measure inserts that pgaudit logs, on a server of their own, where it is installed."""
    if not pgaudit.is_available():
        run.results.skipped.append(pgaudit.MISSING)
        run.clock.say(f"Skipped: {pgaudit.MISSING}")
        return
    run.clock.say("Starting PostgreSQL 15 with pgaudit")
    with pgaudit.laboratory(run.folder, PGAUDIT_RECORDS) as laboratory:
        run.measure(f"Inserts beside pgaudit, pgbench, {WRITERS} clients", pairs.PGAUDIT, {
            "header": sql(laboratory, "bench_header", "insert_header.sql", WRITERS),
            "not logged": sql(laboratory, "bench_header", "insert_policy.sql", WRITERS),
            "logged": sql(laboratory, "bench_pgaudit", "insert_policy.sql", WRITERS),
        })  # fmt: skip
        pgaudit.check_logged(run.folder)

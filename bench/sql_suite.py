"""Inserts and lists in SQL, without the service: what policies, proofs and indexes cost."""

from bench.benchmark import Benchmark
from bench.laboratory import Laboratory
from bench.measure import Pair

INSERTS = [
    Pair("insert in SQL, named tenant / INSERT by the owner", "named tenant", "owner", 0.85),
    Pair("insert in SQL, API key / INSERT by the owner", "API key", "owner", 0.65),
    Pair("insert in SQL, API key / named tenant", "API key", "named tenant", None),
    Pair("INSERT by the owner, all indexes / the design's three", "all indexes", "three indexes", None),
]
LISTS = [
    Pair("latency of a list in SQL, named tenant / by the owner", "named tenant", "owner", 1.1, "latency"),
    Pair("latency of a list in SQL, page 1,000 / page 1", "page 1,000", "page 1", 1.2, "latency"),
    Pair("latency of a list in SQL, larger table / smaller", "larger table", "smaller table", 1.2, "latency"),
]
FILTERS = {
    "none": "",
    "an agent": "p_agent_id => 'agent-3'",
    "an agent with one record": "p_agent_id => 'rare-agent'",
    "a trace": "p_trace_id => md5('trace1000')",
    "a user": "p_user_id => 'user-500'",
    "a user with one record": "p_user_id => 'rare-user'",
    "status error": "p_status => 'error'",
    "status denied, one record": "p_status => 'denied'",
    "mode and status, 1 in 150": "p_mode => 'LIVE', p_status => 'error'",
    "http_status, no record": "p_http_status => 500",
}


def in_sql(benchmark: Benchmark) -> None:
    """Measure lists and inserts."""
    small, large = benchmark.small, benchmark.large
    benchmark.tell("buffers of a page of 50, smaller table", small.buffers_of_a_page())
    benchmark.tell(
        "buffers of a page of 50, larger table, by filter",
        {name: large.buffers_of_a_page(filters) for name, filters in FILTERS.items()},
    )
    cursor = large.cursor_before(1000)
    benchmark.measure("Lists in SQL, pgbench, one client", LISTS, {
        "owner": benchmark.sql(large, "bench_owner", "list_owner.sql", 1),
        "named tenant": benchmark.sql(large, "bench_header", "list_header.sql", 1),
        "page 1": benchmark.sql(large, "bench_key", "list_page.sql", 1, cursor="none"),
        "page 1,000": benchmark.sql(large, "bench_key", "list_page.sql", 1, cursor=cursor),
        "smaller table": benchmark.sql(small, "bench_key", "list_key.sql", 1),
        "larger table": benchmark.sql(large, "bench_key", "list_key.sql", 1),
    })  # fmt: skip
    three = Laboratory(small.server, "three_indexes", small.records)
    three.run_script("three_indexes.sql")
    benchmark.measure("Inserts in SQL, pgbench, 16 clients", INSERTS, {
        "owner": benchmark.sql(small, "bench_owner", "insert_owner.sql", 16),
        "named tenant": benchmark.sql(small, "bench_header", "insert_header.sql", 16),
        "API key": benchmark.sql(small, "bench_key", "insert_key.sql", 16),
        "three indexes": benchmark.sql(three, "bench_owner", "insert_user.sql", 16),
        "all indexes": benchmark.sql(small, "bench_owner", "insert_user.sql", 16),
    })  # fmt: skip

"""What is compared with what, and the target of each: decided before the run, and kept when it is missed."""

from bench.measure import Pair

ASYNC_PEER = "FastAPI, SQLAlchemy and asyncpg"
THREADED_PEER = "FastAPI threads, SQLAlchemy, psycopg"
STATEMENTS_PEER = "FastAPI and psycopg, four statements"

PAGES = [
    Pair("list of 50 in SQL, named tenant", "the same by the owner", "by name", "by owner", 1.1, "latency"),
    Pair("list of 50 in SQL, API key", "the same by the owner", "by key", "by owner", None, "latency"),
    Pair("list of 50, page 1,000", "page 1", "page 1000", "by key", 1.2, "latency"),
    Pair("list of 50 in the larger table", "in the smaller", "by key", "in smaller", 1.2, "latency"),
    Pair("list of 50, fresh table without statistics", "analysed", "not analysed", "analysed", 1.5, "latency"),
]
INSERTS = [
    Pair("insert in SQL, named tenant", "bare INSERT by the owner", "header", "owner", 0.85),
    Pair("insert in SQL, API key", "bare INSERT by the owner", "key", "owner", 0.7),
    Pair("insert in SQL, API key", "named tenant", "key", "header"),
    Pair("insert in SQL, named tenant", "hash chain by trigger, one tenant", "header", "one chain", peer=True),
    Pair("insert in SQL, named tenant", "hash chain by trigger, nine tenants", "header", "nine chains", peer=True),
]
_CALLS = {
    "named": "an insert, named tenant", "key": "an insert, API key",
    "named bulk": "500 in one insert, named tenant", "key bulk": "500 in one insert, API key",
}  # fmt: skip
EVIDENCE_INSERTS = [
    Pair(f"processor time of {name}, with {what}", "without", f"{call}, {ours}", f"{call}, {theirs}", most, "latency")
    for what, ours, theirs, most in (
        ("evidence's columns", "columns", "before", 1.08), ("sealing's index", "index", "columns", 1.03),
    )
    for call, name in _CALLS.items()
]  # fmt: skip
SEALED_BESIDE = [
    Pair("insert in SQL, named tenant, sealed beside", "not sealed beside", "named, sealed beside", "named")
]
RETENTION_INSERTS = [
    Pair(f"processor time of {name} with an id of its caller's, beside pruned ids", "without", f"{call}, today",
         f"{call}, before", 1.03, "latency")
    for call, name in _CALLS.items()
]  # fmt: skip
PRUNED_BESIDE = [
    Pair("insert in SQL at half load, p99, beside a prune", "without", "insert beside a prune", "insert", 1.5, "tails"),
]
PGAUDIT = [
    Pair("insert in SQL, named tenant", "INSERT logged by pgaudit", "header", "logged", peer=True),
    Pair("INSERT logged by pgaudit", "the same INSERT, not logged", "logged", "not logged", peer=True),
]
LISTS = [
    Pair("list of 50, 32 connections", "GET of the same bytes, own stack", "list", "bytes, own stack", 0.3),
    Pair("list of 50, 32 connections", "GET of the same bytes, plain FastAPI", "list", "bytes, plain", 0.5),
    Pair("list of 50, 32 connections", ASYNC_PEER, "list", "async peer", 6, peer=True),
    Pair("list of 50, 32 connections", THREADED_PEER, "list", "threaded peer", peer=True),
]
EXECUTES = [
    Pair("execute, 32 connections", "no-op, own stack", "execute", "no-op, own stack", 0.5),
    Pair("execute, 32 connections", "no-op, plain FastAPI", "execute", "no-op, plain", 0.65),
    Pair("execute, 32 connections", ASYNC_PEER, "execute", "async peer", 8, peer=True),
    Pair("execute, 32 connections", THREADED_PEER, "execute", "threaded peer", peer=True),
    Pair("execute, 32 connections", STATEMENTS_PEER, "execute", "four statements", peer=True),
    Pair("execute on the JSONL file", "no-op, plain FastAPI", "execute on file", "no-op, plain", 0.6),
    # Two workers, the database server and the load generator: with fewer cores one worker already has them all.
    Pair("execute, two workers", "one worker", "two workers", "execute", 1.6, cores=4),
]
LONE = [
    Pair("execute alone", STATEMENTS_PEER, "execute", "four statements", 1.0, "latency", peer=True),
    Pair("execute alone", ASYNC_PEER, "execute", "async peer", None, "latency", peer=True),
]
HALF_LOAD = [Pair("execute at half load, p99", "median", "half load", "half load", 4, "tail")]
INTAKES = [
    Pair("bulk intake as NDJSON", "COPY FROM by the owner", "intake", "COPY FROM", 0.45),
    Pair("import of a file", "COPY FROM by the owner", "import", "COPY FROM", 0.4),
]
EXPORTS = [
    Pair("export as NDJSON", "COPY TO by the owner, same JSON", "export", "COPY as JSON", 0.8),
    Pair("export as NDJSON", "COPY TO by the owner, as text", "export", "COPY as text", 0.6),
]
SEALING_RATE = 50_000
"""Records a second, with two workers on two cores."""
PRUNING_RATE = 50_000
"""Records a second, with two workers on two cores."""
SEALING_LAG = 2
"""Seconds from a record to its leaf: p99 under full load."""
PROOF_TIME = 5
"""Milliseconds of a proof: the median."""
PROOF_SIZE = 1024
"""Bytes of the hashes of an inclusion proof."""
VERIFIER_RATE = 1_000_000
"""Leaves a minute."""
IN_README = {
    ("insert in SQL, named tenant", "bare INSERT by the owner"),
    ("execute, 32 connections", "no-op, own stack"),
    ("execute, 32 connections", ASYNC_PEER),
    ("list of 50, 32 connections", ASYNC_PEER),
    ("execute at half load, p99", "median"),
}
"""The five that the README shows: (what, against)."""

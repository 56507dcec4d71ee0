"""Prometheus metrics, read at /metrics. No label holds a tenant, agent, user or key.

With several workers (WEB_CONCURRENCY) each counts in files of a directory that app/__main__.py makes, and whichever
worker is asked answers for all.
"""

import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)

from app import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"
DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"ringfence_{name}", text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"ringfence_{name}", text, labels, registry=REGISTRY, buckets=buckets)


def _gauge(name: str, text: str, *labels: str, of_workers: str) -> Gauge:
    """of_workers: how the values of several workers make one, of those that live: sum, min or max."""
    mode = f"live{of_workers}"
    return Gauge(f"ringfence_{name}", text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


REQUESTS = _counter("requests", "Answered requests, by method, route and status.", "method", "route", "status")
SECONDS = _histogram(
    "request_seconds", "Seconds from a request's head to the end of its answer.", "route",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
REFUSED = _counter("refused", "Requests answered with a problem (RFC 9457), by the last part of its type.", "kind")
COMMIT_RECORDS = _histogram(
    "commit_records", "Number of records that shared one commit.", buckets=(1, 2, 4, 8, 16, 32, 64)
)
SPOOLED = _counter("spooled", "Records written to the spool while the database was unavailable.")
REPLAYED = _counter("replayed", "Records moved from the spool into the database.")
DEAD_LETTERED = _counter(
    "dead_lettered", "Records of the spool that the database refused for good; they are in its table dead_letters."
)
SPANS = _counter("otlp_spans", "Spans received over OTLP, by outcome: recorded, dropped or rejected.", "outcome")
LOG_LINES_DROPPED = _counter("log_lines_dropped", "Log lines dropped because the same text was logged too often.")
CUT = _counter("connections_cut", "Connections cut because the caller did not read its answers.")

SEAL_CALLS = _counter(
    "seal_calls",
    "Calls that seal records, by outcome: done, cut, failed; contradiction, of a tree left out.",
    "outcome",
)
SEAL_SECONDS = _histogram(
    "seal_seconds", "Seconds of a call that seals records.", buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
)

BUILD = _gauge("build_info", "Always 1; the label is the version that runs.", "version", of_workers="max")
BUILD.labels(__version__).set(1)
ProcessCollector(registry=REGISTRY)

UNDER_WAY = _gauge("requests_under_way", "Requests that are being answered right now.", of_workers="sum")
QUEUE = _gauge("queue_records", "Records queued in memory for a commit.", of_workers="sum")
POOL = _gauge(
    "pool_connections", "Pool connections that are used or idle, and requests that wait for one (waited_for).", "state",
    of_workers="sum",
)  # fmt: skip
EXPORTS = _gauge("exports_under_way", "Exports that are being sent right now.", of_workers="sum")
FEED_READERS = _gauge("feed_readers_waiting", "Readers of feeds that wait for something new.", of_workers="sum")
SEALED_AT = _gauge(
    "seal_last_success_timestamp_seconds", "When a call that seals records last succeeded, or the service started.",
    of_workers="max",
)  # fmt: skip
SEALING_HELD_UP = _gauge(
    "sealing_held_up_seconds", "Seconds for which a transaction that writes has held up sealing.", of_workers="max"
)
# Workers share the database and the spool, so the worst value that one of them sees counts.
DATABASE_UP = _gauge("database_up", "Whether the database accepts writes: 1 for yes, 0 for no.", of_workers="min")
DATABASE_BYTES = _gauge(
    "database_bytes", "Bytes on the database's disk, by table or index, and its kind.", "relation", "kind",
    of_workers="max",
)  # fmt: skip
DATABASE_RECORDS = _gauge(
    "database_records",
    "Records of a table, by the estimate of the last VACUUM or ANALYZE.",
    "relation",
    of_workers="max",
)
READS = _counter("reads", "Lists, single records and parts of exports, by where: replica or primary.", "database")
REPLICA_UP = _gauge("read_database_up", "Whether READ_DATABASE_URL is read: 1 for yes, 0 for no.", of_workers="min")
REPLICA_LAG_SECONDS = _gauge(
    "read_database_lag_seconds", "Seconds that READ_DATABASE_URL is behind DATABASE_URL.", of_workers="max"
)
ISOLATION_INTACT = _gauge(
    "isolation_intact", "Whether tenants are isolated, by the isolation report: 1 for yes, 0 for no.", of_workers="min"
)
SPOOL_RECORDS = _gauge("spool_records", "Records in the spool that wait for the database.", of_workers="max")
SPOOL_BYTES = _gauge("spool_bytes", "Bytes of the records that wait in the spool.", of_workers="max")
SPOOL_MOST_BYTES = _gauge(
    "spool_most_bytes", "Largest size of the spool, in bytes (SPOOL_MAX_BYTES).", of_workers="max"
)
SPOOL_OLDEST_SECONDS = _gauge(
    "spool_oldest_seconds", "Seconds since the oldest record in the spool was made.", of_workers="max"
)


def register_worker() -> None:
    """Leave this process's id in the workers' directory, if there is one: text() forgets the gauges of dead workers."""
    if directory := os.environ.get(DIRECTORY_VARIABLE):
        (Path(directory) / f"{os.getpid()}.worker").touch()


def text() -> bytes:
    """Return the metrics of all workers in Prometheus' text format."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None:
        return generate_latest(REGISTRY)
    for worker in Path(directory).glob("*.worker"):
        if not Path(f"/proc/{worker.stem}").exists():
            multiprocess.mark_process_dead(int(worker.stem), directory)  # type: ignore[no-untyped-call]
            worker.unlink(missing_ok=True)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=registry)  # of the worker that answers
    return generate_latest(registry)


class UnderWay:
    """Number of requests that this process is answering, for shutdown and for the gauge of all workers."""

    requests = 0

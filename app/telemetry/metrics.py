"""What Prometheus reads at /metrics. No tenant, agent, user or key is in any label.

With several workers (WEB_CONCURRENCY) each counts for itself in files of a directory that app/__main__.py makes, and
whichever is asked answers for all.
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

REQUESTS = Counter(
    "ringfence_requests",
    "Requests that were answered, by method, route and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "ringfence_request_seconds", "Seconds from a request's head to the end of its answer.", ["route"],
    registry=REGISTRY, buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
REFUSED = Counter(
    "ringfence_refused",
    "Requests that were answered with a problem (RFC 9457), by the last part of its type.",
    ["kind"],
    registry=REGISTRY,
)
COMMIT_RECORDS = Histogram(
    "ringfence_commit_records",
    "Number of records that shared one commit.",
    registry=REGISTRY,
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
SPOOLED = Counter(
    "ringfence_spooled", "Records that were written to the spool while the database was unavailable.", registry=REGISTRY
)
REPLAYED = Counter("ringfence_replayed", "Records of the spool that are in the database by now.", registry=REGISTRY)
DEAD_LETTERED = Counter(
    "ringfence_dead_lettered",
    "Records of the spool that the database refused for good; they are in its table dead_letters.",
    registry=REGISTRY,
)


LOG_LINES_DROPPED = Counter(
    "ringfence_log_lines_dropped", "Log lines dropped because the same text was logged too often.", registry=REGISTRY
)
CUT = Counter(
    "ringfence_connections_cut", "Connections cut because the caller did not read its answers.", registry=REGISTRY
)
BUILD = Gauge(
    "ringfence_build_info", "Always 1; the label is the version that runs.", ["version"], registry=REGISTRY,
    multiprocess_mode="livemax",
)  # fmt: skip
BUILD.labels(__version__).set(1)
ProcessCollector(registry=REGISTRY)


def _sum(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
    return Gauge(f"ringfence_{name}", text, labels, registry=REGISTRY, multiprocess_mode="livesum")


UNDER_WAY = _sum("requests_under_way", "Requests that are being answered right now.")
QUEUE = _sum("queue_records", "Records that wait in memory for a commit.")
POOL = _sum(
    "pool_connections",
    "Connections of the pool that are used or idle, and requests that wait for one (waited_for).",
    ("state",),
)
EXPORTS = _sum("exports_under_way", "Exports that are being sent right now.")
# Workers share the spool and the database: the worst that one of them sees is what counts.
DATABASE_UP = Gauge(
    "ringfence_database_up",
    "Whether the database can be written to: 1 for yes, 0 for no.",
    registry=REGISTRY,
    multiprocess_mode="livemin",
)
ISOLATION_INTACT = Gauge(
    "ringfence_isolation_intact", "Whether tenants are kept apart, by the isolation report: 1 for yes, 0 for no.",
    registry=REGISTRY, multiprocess_mode="livemin",
)  # fmt: skip
SPOOL_RECORDS = Gauge(
    "ringfence_spool_records",
    "Records that wait in the spool for the database.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
SPOOL_BYTES = Gauge(
    "ringfence_spool_bytes", "Bytes of records that wait in the spool.", registry=REGISTRY, multiprocess_mode="livemax"
)
SPOOL_MOST_BYTES = Gauge(
    "ringfence_spool_most_bytes",
    "Bytes that the spool may hold at the most (SPOOL_MAX_BYTES).",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
SPOOL_OLDEST_SECONDS = Gauge(
    "ringfence_spool_oldest_seconds",
    "Seconds since the oldest record in the spool was made.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)


def text() -> bytes:
    """Return all of it, of every worker, in Prometheus' text format."""
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None:
        return generate_latest(REGISTRY)
    for file in Path(directory).glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{process}").exists():
            multiprocess.mark_process_dead(process, directory)  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    ProcessCollector(registry=registry)  # of the worker that answers
    return generate_latest(registry)


class UnderWay:
    """Requests that this process is answering: read at shutdown, and by what sets the gauge for all processes."""

    requests = 0

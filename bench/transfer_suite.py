"""Many records at once, in and out over HTTP, beside COPY; and what memory they take."""

from bench.benchmark import Benchmark
from bench.laboratory import serving
from bench.measure import Load, Pair
from bench.processes import Service
from bench.transfers import copy_in, copy_out, is_complete, receive, send_lines, write_lines

BULK = [Pair("bulk intake over HTTP / COPY by the owner, records a second", "bulk intake", "COPY in", 0.4)]
EXPORT = [
    Pair("export as NDJSON / COPY of the same rows", "NDJSON", "COPY out", 0.6),
    Pair("export as CSV / COPY of the same rows", "CSV", "COPY out", None),
    Pair("export as NDJSON / COPY of the same JSON", "NDJSON", "COPY of JSON", None),
]
_ROWS = "SELECT * FROM audit.audit_logs WHERE tenant_id = 'bench' ORDER BY created_at DESC, id DESC"
_JSON = (
    "SELECT row_to_json(item) FROM (SELECT l.id, l.trace_id, l.tenant_id, l.agent_id, l.mode, l.status, l.http_status,"
    " l.latency_ms, l.user_id, l.error,"
    """ to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at"""
    " FROM audit.audit_logs AS l WHERE l.tenant_id = 'bench' ORDER BY l.created_at DESC, l.id DESC) AS item"
)


def in_bulk(benchmark: Benchmark, records: int) -> None:
    """Measure requests with many records, and exports of a whole tenant. records: of one request."""
    small, large = benchmark.small, benchmark.large
    lines = benchmark.folder / "records.ndjson"
    with serving("-m", "app", DATABASE_URL=small.server.url("bench_key", small.name)) as service:
        write_lines(lines, records // 100)
        few = _peak(service, send_lines(service.url, small.api_key, lines, records // 100))
        write_lines(lines, records)
        many = _peak(service, send_lines(service.url, small.api_key, lines, records))
        benchmark.tell("peak MiB, bulk intake", {f"{records // 100:,} records": few, f"{records:,} records": many})
        benchmark.measure(f"Bulk intake, {records:,} records a request, curl and psql", BULK, {
            "COPY in": copy_in(small.psql("bench_owner"), benchmark.folder, records),
            "bulk intake": send_lines(service.url, small.api_key, lines, records),
        })  # fmt: skip

    exported = large.records_of_the_tenant()
    with serving("-m", "app", DATABASE_URL=large.server.url("bench_key", large.name)) as service:
        if not is_complete(service.url, large.api_key, benchmark.folder):
            raise RuntimeError("the export is not complete")
        day = "?start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z"
        few = _peak(service, receive(service.url, large.api_key, 1, day))
        many = _peak(service, receive(service.url, large.api_key, exported))
        benchmark.tell("peak MiB, export", {"8,640 records": few, f"{exported:,} records": many})
        psql = large.psql("bench_owner")
        benchmark.measure(f"Exports of {exported:,} records, curl and psql", EXPORT, {
            "COPY out": copy_out(psql, _ROWS, exported),
            "COPY of JSON": copy_out(psql, _JSON, exported),
            "NDJSON": receive(service.url, large.api_key, exported),
            "CSV": receive(service.url, large.api_key, exported, "?format=csv"),
        })  # fmt: skip


def _peak(service: Service, work: Load) -> float:
    """Return the peak of the service's memory while `work` goes on, in MiB."""
    service.forget_peak_memory()
    work()
    return round(service.peak_memory_mib(), 1)

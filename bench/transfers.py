"""Loads that move many records at once: curl on our side, COPY by psql on the other. A rate is in records a second."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from app.uuid_v7 import uuid_v7_texts
from bench.measure import Load, Rate

COLUMNS = "id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error"


def write_lines(path: Path, records: int) -> None:
    """Write records one a line, as `POST /api/v1/audit/logs` takes them."""
    with path.open("w") as file:
        for number in range(records):
            file.write(
                f'{{"trace_id":"trace-{number}","agent_id":"agent-{number % 7}","mode":"LIVE","status":"success",'
                f'"http_status":200,"latency_ms":{number % 900},"user_id":"user-{number % 1000}"}}\n'
            )


def _write_rows(path: Path, records: int, ids: Iterator[str]) -> None:
    """Write the same records as COPY takes them, each with a new id."""
    with path.open("w") as file:
        for number in range(records):
            file.write(
                f"{next(ids)}\ttrace-{number}\tbench\tagent-{number % 7}\tLIVE\tsuccess\t200\t{number % 900}"
                f"\tuser-{number % 1000}\t\\N\n"
            )


def send_lines(url: str, api_key: str, lines: Path, records: int) -> Load:
    """Return a load that sends `lines` to `url` in one request."""

    def run() -> Rate:
        answer = _curl(
            f"{url}/api/v1/audit/logs", api_key,
            "--header", "Content-Type: application/x-ndjson", "--data-binary", f"@{lines}",
            status="201",
        )  # fmt: skip
        return Rate(records / answer)

    return run


def copy_in(psql: list[str], folder: Path, records: int) -> Load:
    """Return a load that copies the same records into the table. psql: the command, with its connection."""
    ids = uuid_v7_texts()
    rows = folder / "rows.tsv"

    def run() -> Rate:
        _write_rows(rows, records, ids)
        return Rate(records / _psql(psql, f"\\copy audit.audit_logs ({COLUMNS}) FROM '{rows}'"))

    return run


def receive(url: str, api_key: str, records: int, query: str = "") -> Load:
    """Return a load that exports everything of the key's tenant, which has so many records."""

    def run() -> Rate:
        return Rate(records / _curl(f"{url}/api/v1/audit/logs/export{query}", api_key, "--output", "/dev/null"))

    return run


def copy_out(psql: list[str], query: str, records: int) -> Load:
    """Return a load that copies the result of `query`, so many records, to where it is thrown away."""

    def run() -> Rate:
        return Rate(records / _psql(psql, f"\\copy ({query}) TO /dev/null"))

    return run


def is_complete(url: str, api_key: str, folder: Path) -> bool:
    """Whether an export of the key's tenant ends with the line that says so."""
    file = folder / "export.ndjson"
    _curl(f"{url}/api/v1/audit/logs/export", api_key, "--output", str(file))
    complete = file.read_bytes().rsplit(b"\n", 2)[1].startswith(b'{"complete": true')
    file.unlink()
    return complete


def _curl(url: str, api_key: str, *options: str, status: str = "200") -> float:
    """Return how many seconds the request took, by curl's own clock."""
    command = [
        "curl", "--silent", "--show-error", "--write-out", "\n%{http_code} %{time_total}",
        "--header", f"Authorization: Bearer {api_key}", *options, url,
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found, seconds = said.splitlines()[-1].split()
    if found != status:
        raise RuntimeError(f"{url}: {said}")
    return float(seconds)


def _psql(psql: list[str], command: str) -> float:
    started = time.perf_counter()
    subprocess.run([*psql, "--command", command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started

"""The loads: pgbench, wrk, curl and psql. Programs in C, since a client in Python would measure itself."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Load, Rate

HERE = Path(__file__).parent
JOBS = 2


def pgbench(
    binaries: Path,
    host: Path,
    database: str,
    role: str,
    script: str,
    clients: int,
    per_second: float | None = None,
    **variables: str,
) -> Load:
    """Return a load by pgbench with one file of bench/sql. host: folder of the server's socket.

    per_second: how many transactions are begun; what one takes counts from the time that it should have begun. None: as
    many as the server takes.
    """
    command = [
        str(binaries / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={clients}",
        f"--jobs={min(JOBS, clients)}", f"--file={HERE / 'sql' / script}",
        *(f"--define={name}={value}" for name, value in variables.items()),
        f"--host={host}", f"--username={role}", "--log", *([f"--rate={per_second:.0f}"] if per_second else []),
    ]  # fmt: skip

    def run(seconds: int) -> Rate:
        with tempfile.TemporaryDirectory() as folder:
            timed = [*command, f"--time={seconds}", f"--log-prefix={folder}/log", database]
            output = _output(timed)
            logs = [path.read_text() for path in Path(folder).iterdir()]
        # One line a transaction: client, number, microseconds, ...
        latencies = sorted(int(line.split()[2]) for log in logs for line in log.splitlines())
        found = re.search(r"^tps = ([0-9.]+)", output, re.MULTILINE)
        if not found or not latencies:
            raise RuntimeError(output)
        at = {part: latencies[len(latencies) * part // 100] / 1000 for part in (50, 99)}
        return Rate(float(found[1]), "transactions", len(latencies), at[50], at[99])

    return run


def wrk(url: str, connections: int, **environment: str) -> Load:
    """Return a load by wrk with bench/requests.lua. environment: METHOD, and BODY, API_KEY or TENANT."""

    def run(seconds: int) -> Rate:
        output = _output(
            ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--latency",
             f"--script={HERE / 'requests.lua'}", url],
            **environment,
        )  # fmt: skip
        found = json.loads(output.strip().splitlines()[-1])
        if found["failed"] or not found["requests"]:
            raise RuntimeError(f"{url}: {output}")
        rate = found["requests"] / found["microseconds"] * 1e6
        return Rate(rate, "requests", found["requests"], found["p50"] / 1000, found["p99"] / 1000)

    return run


def paced_wrk(url: str, connections: int, per_second: float, **environment: str) -> Load:
    """Return a load by wrk at a rate that the service does not set: every connection pauses at random between requests.

    A first second without a result finds what a connection takes beside its pause, and the pause is shortened by that.
    A connection that waits for an answer sends nothing meanwhile; wrk adds the samples that are missing because of
    that, and with many connections they are few.
    """
    interval = 1000 * connections / per_second
    pauses: list[float] = []

    def run(seconds: int) -> Rate:
        if not pauses:
            found = wrk(url, connections, **environment, PAUSE=f"{interval:.3f}")(1)
            pauses.append(max(0.0, 2 * interval - 1000 * connections / found.per_second))
        return wrk(url, connections, **environment, PAUSE=f"{pauses[0]:.3f}")(seconds)

    return run


def upload(url: str, api_key: str, lines: Path, count: int) -> Load:
    """Return a load by curl: one request with a file of NDJSON. count: of its lines; all must be stored."""

    def run(_: int) -> Rate:
        output = _curl(
            url, api_key, "--header=Content-Type: application/x-ndjson", f"--data-binary=@{lines}",
            "--write-out=\n%{time_total}",
        )  # fmt: skip
        answer, seconds = output.rsplit("\n", 1)
        if json.loads(answer)["count"] != count:
            raise RuntimeError(f"{url}: {answer}")
        return Rate(count / float(seconds), "records", count)

    return run


def history(write: Callable[[], Path], count: int, **environment: str) -> Load:
    """Return a load by `python -m app.import_jsonl`, its start included. write: makes a file of `count` new records."""

    def run(_: int) -> Rate:
        file = write()
        started = time.perf_counter()
        report = json.loads(
            _output([sys.executable, "-m", "app.import_jsonl", "--apply", "--json", str(file)], **environment)
        )
        seconds = time.perf_counter() - started
        if sum(report["taken"].values()) != count:
            raise RuntimeError(f"the import took {report}")
        return Rate(count / seconds, "records", count)

    return run


def download(url: str, api_key: str, count: int) -> Load:
    """Return a load by curl: one export, thrown away. count: of the records in it, known already."""

    def run(_: int) -> Rate:
        seconds = _curl(
            url, api_key, "--header=Accept-Encoding: identity", "--output=/dev/null", "--write-out=%{time_total}"
        )
        return Rate(count / float(seconds), "records", count)

    return run


def psql(binaries: Path, host: Path, database: str, role: str, command: Callable[[], str]) -> Load:
    r"""Return a load by psql: one \copy, timed by psql itself. command: makes it anew each time, untimed."""

    def run(_: int) -> Rate:
        output = _output([
            str(binaries / "psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--host={host}", f"--username={role}",
            f"--dbname={database}", r"--command=\timing on", f"--command={command()}",
        ])  # fmt: skip
        count, milliseconds = re.search(r"^COPY (\d+)", output, re.MULTILINE), re.search(r"Time: ([0-9.]+) ms", output)
        if not count or not milliseconds:
            raise RuntimeError(output)
        return Rate(int(count[1]) / float(milliseconds[1]) * 1000, "records", int(count[1]))

    return run


def _curl(url: str, api_key: str, *options: str) -> str:
    arguments = [part for option in options for part in option.split("=", 1)]  # curl knows no --name=value
    return _output([
        "curl", "--silent", "--show-error", "--fail-with-body", "--header", f"Authorization: Bearer {api_key}",
        *arguments, url,
    ])  # fmt: skip


def _output(command: list[str], **environment: str) -> str:
    finished = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise RuntimeError(f"{command[0]}: {finished.stdout} {finished.stderr}")
    return finished.stdout

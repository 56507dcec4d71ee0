"""What it costs to prove a tenant: `make bench`.

Three ways to write the same record, each one statement and one transaction, by pgbench with 16 clients: the bare
INSERT, the function under policy with a named tenant, and the function under policy with an API key. They are measured
in turn, round after round, so that what else the machine does falls on all of them; what counts are the ratios within a
round. The server is PostgreSQL 18 with fsync and synchronous_commit on.
"""

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from app import migrate
from app.private_server import PrivateServer, wheel_binaries

ROUNDS = 5
SECONDS = 6
CLIENTS = 16
SCRIPTS = Path(__file__).parent / "proof_cost"


def prepare(server: PrivateServer) -> str:
    """Make and migrate the database, and a login for each way; return an API key of its one tenant."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bench")
    migrate.apply(server.url("postgres", "bench"))
    with psycopg.connect(server.url("postgres", "bench")) as connection:
        connection.execute((SCRIPTS / "prepare.sql").read_bytes())
        issued = connection.execute("SELECT audit.issue_api_key(p_tenant_id => 'bench', p_label => 'bench')").fetchone()
    assert issued is not None
    return str(issued[0])


def rate(server: PrivateServer, way: str, role: str, api_key: str) -> float:
    """Run pgbench with one script for SECONDS; return transactions per second. Raises RuntimeError when any failed."""
    finished = subprocess.run(
        [
            server.binaries / "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", "--jobs=2",
            f"--time={SECONDS}", f"--define=api_key={api_key}", f"--file={SCRIPTS / way}.sql",
            f"--host={server.socket_folder}", f"--username={role}", "bench",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"^tps = ([0-9.]+)", finished.stdout, re.MULTILINE)
    if finished.returncode != 0 or not found:
        raise RuntimeError(finished.stderr)
    return float(found[1])


def main() -> int:
    """Measure and print a table; return 0."""
    ways = {"owner": "bench_owner", "header": "bench_header", "key": "bench_key"}
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        Path(folder).chmod(0o755)
        server = PrivateServer(wheel_binaries(), Path(folder) / "server")
        try:
            server.start("shared_buffers=256MB", "max_wal_size=4GB")
            api_key = prepare(server)
            for number in range(ROUNDS + 1):
                measured = {way: rate(server, way, role, api_key) for way, role in ways.items()}
                print("warm-up" if number == 0 else f"round {number}", end="")
                print("".join(f"   {way} {tps:7.0f}/s" for way, tps in measured.items()), flush=True)
                if number:
                    rounds.append(measured)
        finally:
            server.remove()
    print(f"\nmedian of {ROUNDS} rounds of {SECONDS} s, {CLIENTS} clients; in brackets the lowest and the highest")
    for one, other in (("header", "owner"), ("key", "owner"), ("key", "header")):
        ratios = [measured[one] / measured[other] for measured in rounds]
        print(f"{one} / {other}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

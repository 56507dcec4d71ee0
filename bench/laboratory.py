"""The server, database and services that are measured. fsync and synchronous_commit are on; nothing else is special."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from app import migrate
from app.private_server import PrivateServer
from app.settings import Settings
from bench.processes import Service

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "sql"
SERVER_SETTINGS = ("shared_buffers=256MB", "max_wal_size=4GB")
EXECUTION = {"input": {"amount": 1200}, "user_id": "jane"}


def ensure_programs() -> None:
    """Install wrk and curl where they are missing, as root; exit with the command to run, as anybody else."""
    missing = [program for program in ("wrk", "curl") if not shutil.which(program)]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(command)}")
    for step in (["apt-get", "update"], command):
        subprocess.run(
            step, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )


class Laboratory:
    """One migrated database, with a tenant `bench`, its API key, and some records of it and of others."""

    def __init__(self, server: PrivateServer, name: str, records: int) -> None:
        """server: running, and the first time without our roles. records: how many are there to be read."""
        self.server, self.name, self.records = server, name, records
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        migrate.apply(server.url("postgres", name))
        with self.superuser() as connection:
            if connection.execute("SELECT to_regrole('bench_owner')").fetchone() == (None,):
                connection.execute((SCRIPTS / "roles.sql").read_bytes())
            connection.execute((SCRIPTS / "prepare.sql").read_bytes())
            ((self.api_key,),) = connection.execute("SELECT audit.issue_api_key('bench', 'bench')").fetchall()
            connection.execute((SCRIPTS / "records.sql").read_text().replace(":records", str(records)).encode())
            connection.execute("VACUUM (ANALYZE) audit.audit_logs")
            connection.execute("CHECKPOINT")

    def superuser(self) -> psycopg.Connection[Any]:
        """Connect as one whom no policy binds."""
        return psycopg.connect(self.server.url("postgres", self.name), autocommit=True)

    def keyed(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement in a transaction that has entered the tenant with its key; return the first column."""
        with psycopg.connect(self.server.url("bench_key", self.name)) as connection:
            connection.execute("SELECT audit.enter_tenant(%s)", [self.api_key])
            return [value for value, *_ in connection.execute(statement.encode(), parameters).fetchall()]

    def cursor_before(self, page: int) -> str:
        """Return the cursor that opens this page of fifty."""
        cursor = ""
        for _ in range(page - 1):
            (text,) = self.keyed("SELECT audit.list_audit_logs(p_cursor => NULLIF(%s, ''))", cursor)
            cursor = json.loads(text)["next_cursor"]
        return cursor

    def buffers_of_a_page(self, filters: str = "") -> int:
        """Return how many buffers a page of fifty takes; filters: arguments of audit.list_audit_logs()."""
        with psycopg.connect(self.server.url("bench_key", self.name)) as connection:
            for _ in range(8):  # the first times in a session PostgreSQL reads its catalogue, and plans
                connection.execute("SELECT audit.enter_tenant(%s)", [self.api_key])
                explained = connection.execute(
                    f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT audit.list_audit_logs({filters})".encode()
                )
                lines = [line for (line,) in explained.fetchall()]
                connection.commit()
        buffers = next(line for line in lines if "Buffers: shared" in line)
        return sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", buffers))

    def run_script(self, name: str) -> None:
        """Run one file of bench/sql as the superuser."""
        with self.superuser() as connection:
            connection.execute((SCRIPTS / name).read_bytes())

    def psql(self, role: str) -> list[str]:
        """Return the command that runs psql on this database."""
        return [
            str(self.server.binaries / "psql"), "--no-psqlrc", "--quiet",
            "--host", str(self.server.socket_folder), "--username", role, "--dbname", self.name,
        ]  # fmt: skip

    def records_of_the_tenant(self) -> int:
        """Return how many records `bench` has by now."""
        with self.superuser() as connection:
            ((count,),) = connection.execute(
                "SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'bench'"
            ).fetchall()
        return int(count)

    def commits(self) -> int:
        """Return how many transactions of this database were committed so far."""
        with self.superuser() as connection:
            ((commits,),) = connection.execute(
                "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
            ).fetchall()
        return int(commits)

    def wal_position(self) -> int:
        """Return how many bytes of write-ahead log there are."""
        with self.superuser() as connection:
            ((position,),) = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchall()
        return int(position)


@contextmanager
def serving(*command: str, **environment: str) -> Iterator[Service]:
    """Run a service, `command` being its Python arguments with {port} in them, on a free port; yield it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    inherited = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    with subprocess.Popen(
        [sys.executable, *(argument.format(port=port) for argument in command)],
        cwd=ROOT, env={**inherited, **environment, "PORT": port},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                if process.poll() is not None:
                    raise RuntimeError("the service did not start")
                try:
                    urllib.request.urlopen(f"{url}/openapi.json", timeout=5).close()  # noqa: S310
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
            yield Service(url, process.pid)
        finally:
            process.terminate()


def request(url: str, body: str | None, headers: dict[str, str]) -> Any:
    """Return what is answered to one request: a POST of `body`, or a GET where there is none."""
    sent = urllib.request.Request(  # noqa: S310
        url, body.encode() if body is not None else None, {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(sent, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def answer_of(url: str, **headers: str) -> dict[str, Any]:
    """Return what an execution at `url` answers."""
    found: dict[str, Any] = request(f"{url}/api/v1/agents/agent/execute", json.dumps(EXECUTION), headers)
    return found

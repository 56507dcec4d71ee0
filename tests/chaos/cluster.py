"""PostgreSQL clusters that can be broken: stopped in every way, killed, frozen, and followed by a replica."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from app.local.server import PrivateServer
from bench.serving import processes_of, processor_seconds
from tests.support.polling import eventually


class Cluster(PrivateServer):
    """One cluster. Every change is complete when its method returns."""

    def query(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as a superuser; return its rows."""
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str) -> None:
        """Make a database."""
        self.query(f"CREATE DATABASE {name}")

    def stop_by(self, mode: str) -> None:
        """Stop it: fast ends every session and writes all to the disk, immediate leaves that to the next start."""
        self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self._data))

    def kill(self) -> None:
        """Kill the server and all its processes, as when the machine loses its power."""
        killed = processes_of(self._postmaster)
        for process in killed:
            _signal(process, signal.SIGKILL)
        eventually(lambda: not any(_runs(process) for process in killed))
        # In a container whose first process reaps no children, the killed ones seem to live, and these files name them.
        for lock in (self._data / "postmaster.pid", *self.socket_folder.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)

    def printed(self) -> str:
        """Return the end of what it has logged."""
        return (self._folder / "log").read_text(errors="replace")[-4000:]

    def processor_seconds(self) -> float:
        """Return the processor time of all its processes, those that have ended included."""
        return processor_seconds(self._postmaster)

    def admit(self, network: str) -> None:
        """Let every role in from a network, without a password, from now on."""
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")
        self._run("pg_ctl", "reload", "-D", str(self._data))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of it where it stands: it neither answers nor dies."""
        stopped = processes_of(self._postmaster)
        for process in stopped:
            _signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in stopped:
                _signal(process, signal.SIGCONT)

    def follow(self, primary: "Cluster") -> None:
        """Become a streaming replica of `primary`, which waits for it from then on before it commits."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        if self._user:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._run(
            "pg_basebackup", "-h", str(primary.socket_folder), "-U", "postgres", "-D", str(self._data),
            "-R", "-X", "stream", "-c", "fast",
        )  # fmt: skip
        self.start()
        primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.query("SELECT pg_reload_conf()")
        eventually(lambda: primary.query("SELECT sync_state FROM pg_stat_replication") == [("sync",)])

    def promote(self) -> None:
        """Become the primary. It waits for no standby then."""
        self._run("pg_ctl", "promote", "-w", "-D", str(self._data))
        self.query("ALTER SYSTEM RESET synchronous_standby_names")
        self.query("SELECT pg_reload_conf()")

    @property
    def _postmaster(self) -> int:
        return int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

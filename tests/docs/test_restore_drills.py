"""The drills of docs/restore.md, run as they stand there: a dump, a moment, a failover, each with a new epoch."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from app import migrate
from app.sign import files, notes
from app.sign.memory import Memory
from tests.chaos.cluster import Cluster
from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.polling import eventually
from tests.support.processes import running_service
from tests.support.shell import Shell
from tests.support.signing import LOG, Sealed, SignerAt

PAGE = "docs/restore.md"
DATABASE = "ringfence"


class Drill:
    """A server whose acme has 20 sealed, signed records, globex one; the signer; and a shell for the commands."""

    def __init__(self, folder: Path, binaries: Path, stack: ExitStack) -> None:
        self.folder, self.binaries, self.stack = folder, binaries, stack
        self.archive = folder / "archive"
        self.archive.mkdir(mode=0o777)
        self.archive.chmod(0o777)
        self.source = self.server("source")
        self.source.start("fsync=off", "archive_mode=on", f"archive_command='cp %p {self.archive}/%f'")
        self.source.query(f"CREATE DATABASE {DATABASE}")
        migrate.apply(self.source.url("postgres", DATABASE))
        for role, group in (("signer", "signer"), ("alice", "admin"), ("audit_gateway", "trusted")):
            self.source.query(f"CREATE ROLE {role} LOGIN IN ROLE audit_{group}")
        self.source.query("SELECT audit.create_tenant('acme'), audit.create_tenant('globex')", DATABASE)
        ((self.key,),) = self.source.query("SELECT audit.issue_api_key('acme', 'drill')", DATABASE)
        files.create(folder / "signer", LOG)
        Memory(files.memory_file(folder / "signer"), create=True).close()
        self.append(20)
        self.shell = Shell(folder, {
            "SUPERUSER_URL": self.source.url("postgres", DATABASE),
            "BACKUP_URL": self.source.url("ringfence_backup", DATABASE), "ARCHIVE": str(self.archive),
            "SIGNER_DIRECTORY": str(folder / "signer"), "ACME_API_KEY": str(self.key),
            "ACME_VKEY": str(notes.key_of(f"{LOG}/acme", files.load(folder / "signer").current)),
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        })  # fmt: skip

    def server(self, name: str) -> Cluster:
        """Return a server that is removed after the test."""
        cluster = Cluster(self.binaries, self.folder / name)
        self.stack.callback(cluster.remove)
        return cluster

    def append(self, records: int) -> None:
        """Write records of acme and one of globex, seal and sign them, and keep acme's checkpoint outside."""
        with psycopg.connect(self.source.url("postgres", DATABASE), autocommit=True) as administrator:
            sealed = Sealed(TestDatabase(administrator))
            sealed.append("acme", records)
            if not sealed.size("globex"):
                sealed.append("globex", 1)
        assert SignerAt(self.folder / "signer", self.source.url("signer", DATABASE)).once() == 0
        ((note,),) = self.source.query(
            "SELECT note FROM audit.checkpoints ORDER BY tenant_id, size DESC LIMIT 1", DATABASE
        )
        (self.folder / "checkpoint.txt").write_text(str(note))

    def goes_on_at(self, server: Cluster) -> None:
        """Let the commands speak of this server from now on."""
        self.shell.variables |= {
            "NEW_SERVER_URL": server.url("postgres"), "NEW_URL": server.url("postgres", DATABASE),
            "NEW_APP_URL": server.url("audit_app", DATABASE), "STANDBY_URL": server.url("postgres", DATABASE),
            "ADMIN_DATABASE_URL": server.url("alice", DATABASE), "SIGNER_DATABASE_URL": server.url("signer", DATABASE),
        }  # fmt: skip

    def verified(self, server: Cluster, block: str, status: int) -> str:
        """Serve the database, and return what the tenant's commands print."""
        with running_service(database_url=server.url("audit_app", DATABASE)) as service:
            self.shell.variables["RINGFENCE_URL"] = str(service.http.base_url).rstrip("/")
            return self.shell.run(block, status=status)


@pytest.fixture
def drill(tmp_path: Path, database: TestDatabase) -> Iterator[Drill]:
    """A drill on servers of the version that is tested."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith("pytest-") or parent == tmp_path:
            parent.chmod(0o755)
    ((binaries,),) = database.execute("SELECT setting FROM pg_config() WHERE name = 'BINDIR'")
    with ExitStack() as stack:
        yield Drill(tmp_path, Path(binaries), stack)


def section(heading: str) -> tuple[list[str], list[str]]:
    """Return the commands below a heading, and what they print."""
    return pages.commands(PAGE, heading), pages.shown(PAGE, heading)


def test_a_dump_that_lacks_nothing_passes(drill: Drill) -> None:
    drill.append(5)
    drill.shell.run(pages.commands(PAGE, "Before you need it")[0])
    (restore, begin, verify), (begun, verdict) = section("Restore a dump into a new server")
    new = drill.server("new")
    new.start("fsync=off")
    drill.goes_on_at(new)
    assert "| f" not in drill.shell.run(restore)
    assert begun in drill.shell.run(begin)
    assert verdict in drill.verified(new, verify, 0)


def test_a_moment_before_signed_records_is_a_loss_that_is_told(drill: Drill) -> None:
    drill.shell.run(pages.commands(PAGE, "Before you need it")[0])
    drill.shell.variables["MOMENT"] = moment(drill.source)
    drill.append(5)
    drill.source.query("SELECT pg_switch_wal()")
    eventually(
        lambda: (
            drill.source.query(
                "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver"
            )
            == [(True,)]
        )
    )
    drill.source.stop()
    (target, begin, verify), (begun, verdict) = section("Restore to a moment")
    drill.shell.run(target)
    new = started_on_base(drill)
    drill.goes_on_at(new)
    eventually(lambda: new.query("SELECT pg_is_in_recovery()") == [(False,)])
    printed = drill.shell.run(begin)
    assert printed.startswith("f\n")
    assert begun in printed
    assert verdict_lines(drill.verified(new, verify, 1)) == verdict


def test_a_standby_that_lacks_signed_records_is_a_loss_that_is_told(drill: Drill) -> None:
    standby = drill.server("standby")
    standby.follow(drill.source)
    drill.source.query("ALTER SYSTEM RESET synchronous_standby_names")
    drill.source.query("SELECT pg_reload_conf()")
    standby.query("ALTER SYSTEM SET primary_conninfo = ''")
    standby.query("SELECT pg_reload_conf()")
    eventually(lambda: not standby.query("SELECT FROM pg_stat_wal_receiver"))
    drill.append(5)
    drill.source.stop_by("immediate")
    drill.goes_on_at(standby)
    (begin, verify), (begun, verdict) = section("Fail over to a standby")
    assert begun in drill.shell.run(begin)
    standby.query("ALTER SYSTEM RESET synchronous_standby_names")
    standby.query("SELECT pg_reload_conf()")
    assert verdict_lines(drill.verified(standby, verify, 1)) == verdict


def moment(server: Cluster) -> str:
    """Return the server's time now, after which something is committed: a moment is reached with a later commit."""
    ((now,),) = server.query("SELECT clock_timestamp()")
    assert isinstance(now, datetime)
    server.query("SELECT pg_current_xact_id()")
    return now.astimezone(UTC).isoformat(" ")


def started_on_base(drill: Drill) -> Cluster:
    """Start a server on the base backup, which the page's commands have made in the drill's folder."""
    new = drill.server("new")
    folder = drill.folder / "new"
    folder.mkdir()
    (drill.folder / "base").rename(folder / "data")
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "embedded_postgres:", str(folder)], check=True)
    new.start("fsync=off", "archive_mode=off")
    drill.stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return new


def verdict_lines(printed: str) -> str:
    """Return the lines of the claims that fail."""
    return "".join(line for line in printed.splitlines(keepends=True) if line.startswith("FAIL  "))

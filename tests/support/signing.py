"""A database whose records are sealed, what an attacker or a restore does to it, and the signer on it."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from app.sign import files, notes, running
from app.sign.memory import Memory
from app.sign.notes import Checkpoint, Signature
from app.sign.settings import SignerSettings
from tests.support.database import TestDatabase
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]
LOG = "ringfence.example"
_TABLES = ("audit_logs", "trees", "seals", "seal_nodes", "checkpoints")


@dataclass(frozen=True)
class Sealed:
    """Writes and seals records, as the service does; the rest is what only a superuser can do."""

    database: TestDatabase

    def append(self, tenant: str, records: int, epoch: int = 1) -> None:
        """Append records of a tenant, and seal them in this epoch."""
        size = self.size(tenant, epoch)
        with psycopg.connect(self.database.url()) as gateway:
            gateway.execute("SELECT audit.set_tenant(p_tenant_id => %s)", [tenant])
            for _ in range(records):
                gateway.execute("SELECT audit.insert_audit_log('agent', 'DRY_RUN', 'success')")

        def sealed() -> bool:  # other databases of the server may hold it back for a moment
            self.database.execute("SELECT audit.seal_records()")
            return self.size(tenant, epoch) == size + records

        eventually(sealed)

    def size(self, tenant: str, epoch: int = 1) -> int:
        """Return the leaves of a tree."""
        rows = self.database.execute("SELECT size FROM audit.trees WHERE tenant_id = %s AND epoch = %s", tenant, epoch)
        return int(rows[0][0]) if rows else 0

    def checkpoint(self, tenant: str = "acme", epoch: int = 1) -> tuple[Checkpoint, list[Signature]] | None:
        """Return the newest checkpoint that is stored, None without one."""
        rows = self.database.execute(
            "SELECT note FROM audit.checkpoints WHERE tenant_id = %s AND epoch = %s ORDER BY size DESC LIMIT 1",
            tenant,
            epoch,
        )
        return notes.parse(rows[0][0]) if rows else None

    def signed_size(self, tenant: str = "acme", epoch: int = 1) -> int:
        """Return the size of that checkpoint, 0 without one."""
        found = self.checkpoint(tenant, epoch)
        return found[0].size if found else 0

    def back_up(self) -> None:
        """Keep the records and the trees as they are."""
        self.database.execute("DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup")
        for table in _TABLES:
            self.database.execute(f"CREATE TABLE backup.{table} AS TABLE audit.{table}")

    def restore(self) -> None:
        """Put back what was kept, as a restored backup does, or a superuser who wants leaves to be gone."""
        for table in _TABLES:
            self.tamper(f"DELETE FROM audit.{table}; INSERT INTO audit.{table} SELECT * FROM backup.{table}")

    def tamper(self, statements: str) -> None:
        """Run statements as a superuser whom no foreign key stops."""
        self.database.execute(f"SET session_replication_role = replica; {statements}; RESET session_replication_role")

    def begin_epoch(self, known: str | None) -> None:
        """Begin a new epoch of every tenant. known: what the signer's command of this name printed."""

        def begun() -> bool:  # other databases of the server may be writing for a moment
            with psycopg.connect(self.database.url("postgres")) as administrator, suppress(psycopg.errors.ObjectInUse):
                administrator.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                administrator.execute("SELECT audit.begin_epoch('restore', %s)", [known])
                return True
            return False

        eventually(begun)


@dataclass
class SignerAt:
    """The signer with a directory of its own. more: further settings."""

    directory: Path
    url: str
    more: dict[str, Any] = field(default_factory=dict)

    def settings(self) -> SignerSettings:
        """Return its settings."""
        given: dict[str, Any] = {"signer_directory": self.directory, "signer_database_url": SecretStr(self.url)}
        return SignerSettings(**given | self.more)

    def once(self) -> int:
        """Sign one round, in this process; return the exit status."""
        return asyncio.run(running.run(self.settings(), once=True))

    def has_signed(self, sealed: Sealed, tenant: str = "acme", epoch: int = 1) -> bool:
        """Return whether the newest checkpoint of a tree is signed with its key, under the tree's name."""
        found = sealed.checkpoint(tenant, epoch)
        assert found is not None
        key = notes.key_of(notes.origin_of(LOG, tenant, epoch), files.load(self.directory).current)
        return found[0].origin == key.name and notes.is_signed(found[0].text, found[1], key)

    def memory(self) -> Memory:
        """Return what it remembers now."""
        return Memory(files.memory_file(self.directory))

    def known(self, tenant: str = "acme", epoch: int = 1) -> int:
        """Return how many leaves of a tree it remembers as signed."""
        memory = self.memory()
        found = memory.known.get(tenant, {}).get(epoch)
        memory.close()
        return found.size if found else 0

    def refusal(self, tenant: str = "acme", epoch: int = 1) -> str:
        """Return why it refuses a tree, empty where it does not."""
        memory = self.memory()
        memory.close()
        return memory.refusals.get((tenant, epoch), "")

    def environment(self) -> dict[str, str]:
        """Return the environment of a process of it."""
        own = {"SIGNER_DIRECTORY": str(self.directory), "SIGNER_DATABASE_URL": self.url, "PYTHONPATH": str(ROOT)}
        return {"PATH": os.environ["PATH"]} | own | {name.upper(): str(value) for name, value in self.more.items()}

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the signer as a process."""
        return subprocess.run(
            [sys.executable, "-m", "app.sign", *map(str, arguments)],
            env=self.environment(), cwd=self.directory.parent, text=True, capture_output=True, timeout=60, check=False,
        )  # fmt: skip

"""The signer's memory: the last signed head of each tree, and which trees are refused. The file: memory.sql.

It is written before a signature leaves the process. So after a crash the database may lack a checkpoint that is
remembered, which is stored then; never the other way round.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.sign.files import BadDirectory
from app.sign.heads import Known
from app.sign.merkle import EMPTY_ROOT

_SETTINGS, _, _TABLES = Path(__file__).with_name("memory.sql").read_text().partition("-- Made once.\n")
_MAX_LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint that the database has."""

    tenant_id: str
    epoch: int
    size: int
    note: str


class Memory:
    """The memory in one file, for one process; it is read once and kept in this process too."""

    def __init__(self, file: Path, *, create: bool = False) -> None:
        """Open the file. Raises BadDirectory: a missing one is a lost memory, and is made only where that is meant."""
        if create:
            with suppress(FileExistsError):
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # SQLite would make it 0644
        elif not file.exists():
            raise BadDirectory(
                f"{file} is missing: restore it, or, if it is lost, make an empty one with init --new-memory"
            )
        self._connection = sqlite3.connect(file, timeout=_MAX_LOCK_SECONDS, isolation_level=None)
        try:
            self._connection.executescript(_SETTINGS)
            version = self._connection.execute("PRAGMA user_version").fetchone()
            if create and version == (0,):
                self._connection.executescript(_TABLES)
            elif version != (1,):
                raise BadDirectory(f"{file} is no memory of this signer")
            self.known: dict[str, dict[int, Known]] = {}
            self.refusals: dict[tuple[str, int], str] = {}
            for tenant, epoch, size, root, refused in self._connection.execute(
                "SELECT tenant_id, epoch, size, root, refused FROM heads"
            ):
                if size:
                    self.known.setdefault(tenant, {})[epoch] = Known(size, root)
                if refused is not None:
                    self.refusals[tenant, epoch] = refused
        except sqlite3.Error as error:
            self._connection.close()
            raise BadDirectory(f"{file}: {error}") from None
        except BadDirectory:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def remember(self, heads: Iterable[tuple[str, int, Known]]) -> None:
        """Write heads that will be signed, all or none. Raises ValueError for one that is smaller than the last."""
        heads = list(heads)
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for tenant, epoch, known in heads:
                done = self._connection.execute(
                    "INSERT INTO heads (tenant_id, epoch, size, root) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (tenant_id, epoch) DO UPDATE SET size = excluded.size, root = excluded.root"
                    " WHERE heads.size < excluded.size OR (heads.size = excluded.size AND heads.root = excluded.root)",
                    (tenant, epoch, known.size, known.root),
                )
                if done.rowcount != 1:
                    raise ValueError(f"epoch {epoch} of {tenant} would go back")
        for tenant, epoch, known in heads:
            self.known.setdefault(tenant, {})[epoch] = known

    def note_stored(self, stored: Iterable[Stored]) -> None:
        """Keep the checkpoints that the database has, until each place outside has them too."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "UPDATE heads SET note = ?, note_size = ? WHERE tenant_id = ? AND epoch = ?",
                [(each.note, each.size, each.tenant_id, each.epoch) for each in stored],
            )

    def unpublished(self) -> list[Stored]:
        """Return the checkpoints that no place outside is known to have."""
        rows = self._connection.execute(
            "SELECT tenant_id, epoch, note_size, note FROM heads WHERE note IS NOT NULL AND note_size > published_size"
        )
        return [Stored(*row) for row in rows]

    def note_published(self, published: Iterable[Stored]) -> None:
        """Note that the places outside have these."""
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "UPDATE heads SET published_size = ? WHERE tenant_id = ? AND epoch = ? AND published_size < ?",
                [(each.size, each.tenant_id, each.epoch, each.size) for each in published],
            )

    def refuse(self, tenant: str, epoch: int, reason: str) -> None:
        """Sign nothing of this tree until allow()."""
        with self._connection:
            self._connection.execute(
                "INSERT INTO heads (tenant_id, epoch, size, root, refused) VALUES (?, ?, 0, ?, ?)"
                " ON CONFLICT (tenant_id, epoch) DO UPDATE SET refused = excluded.refused",
                (tenant, epoch, EMPTY_ROOT, reason),
            )
        self.refusals[tenant, epoch] = reason

    def allow(self, tenant: str) -> int:
        """End the refusals of a tenant, and return how many there were. What was signed stays remembered."""
        with self._connection:
            done = self._connection.execute(
                "UPDATE heads SET refused = NULL WHERE tenant_id = ? AND refused IS NOT NULL", (tenant,)
            )
        self.refusals = {key: reason for key, reason in self.refusals.items() if key[0] != tenant}
        return done.rowcount

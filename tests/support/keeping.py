"""A server whose trails are sealed, signed, held, pruned, erased, exported and verified, by the true programs."""

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.sign import files, notes
from app.sign.memory import Memory
from tests.support.admin_command import ENVIRONMENT
from tests.support.exporting import enter, export
from tests.support.sealing_server import REGISTRAR, SealingServer, sealing_server
from tests.support.signing import LOG, SignerAt

RETENTION, ERASER, SIGNER, SERVICE = "test_retention", "test_eraser", "test_keeping_signer", "audit_app"


@dataclass(frozen=True)
class Keeping:
    """keys: an API key of each tenant. folder: of the signer, the exports and the kept checkpoints."""

    server: SealingServer
    folder: Path
    keys: dict[str, str]

    def administer(self, statement: str, *parameters: Any) -> Any:
        """Call a function of audit_admin; return its value."""
        with self.server.connect(REGISTRAR) as administrator:
            ((value,),) = administrator.execute(statement.encode(), parameters).fetchall()
            return value

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run a statement as a superuser, to count what no role may read."""
        with self.server.connect() as superuser:
            cursor = superuser.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def count(self, statement: str, *parameters: Any) -> int:
        """Return the only number of a statement."""
        ((number,),) = self.query(statement, *parameters)
        return int(number)

    def signer(self) -> SignerAt:
        """Return the signer."""
        return SignerAt(self.folder / "signer", self.server.cluster.url(SIGNER, "ringfence"))

    def sign(self) -> None:
        """Let the signer sign every tree; a head that it refuses is a failure."""
        assert self.signer().once() == 0

    def keep_checkpoint(self, tenant: str, name: str) -> Path:
        """Keep the newest checkpoint, as a tenant does."""
        with self.server.connect(SERVICE) as service, service.transaction():
            enter(service, self.keys[tenant])
            ((note,),) = service.execute("SELECT audit.get_checkpoint()").fetchall()
        file = self.folder / name
        file.write_text(note)
        return file

    def export(self, tenant: str, name: str, start: object = None, end: object = None) -> Path:
        """Export the evidence of a tenant, with its key."""
        with self.server.connect(SERVICE) as service:
            return export(service, self.keys[tenant], self.folder / name, "evidence", start, end)

    def verify(self, bundle: Path, tenant: str, *options: str | Path) -> dict[str, Any]:
        """Verify an export offline, in a process of its own; return what it prints."""
        key = notes.key_of(notes.origin_of(LOG, tenant, 1), files.load(self.folder / "signer").current)
        done = subprocess.run(
            [sys.executable, "-m", "app.verify", str(bundle), "--json", f"--key={key}", *map(str, options)],
            env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        said: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == ("pass", "fail", "cannot-judge").index(said["verdict"]), done.stderr
        return said

    def prune(self, milliseconds: int = 1000) -> int:
        """Prune until nothing is left to do; return how many records have gone."""
        total = 0
        with self.server.connect(RETENTION) as job:
            while True:
                pruned: int
                ((pruned, is_done),) = job.execute("SELECT * FROM audit.prune_records(%s)", [milliseconds]).fetchall()
                total += pruned
                if is_done:
                    return total

    def erase(self, tenant: str, user: str, milliseconds: int = 1000) -> tuple[int, int]:
        """Erase a person; return how many records were erased, and how many are held."""
        erased = held = 0
        after: tuple[Any, Any] = (None, None)
        with self.server.connect(ERASER) as job:
            while True:
                ((more, kept, unsealed, *after_this),) = job.execute(
                    "SELECT erased, held, unsealed, after_time, after_id"
                    " FROM audit.erase_user(%s, %s, 'request', %s, %s, %s)",
                    [tenant, user, milliseconds, *after],
                ).fetchall()
                assert unsealed == 0
                erased, held = erased + more, held + kept
                after = (after_this[0], after_this[1])
                if after[1] is None:
                    return erased, held


@contextmanager
def keeping(*tenants: str) -> Iterator[Keeping]:
    """Make a server with these tenants, and a signer with a key of its own."""
    logging.getLogger("ringfence.sign").addHandler(logging.NullHandler())
    with sealing_server(*tenants) as server, tempfile.TemporaryDirectory(prefix="ringfence-keeping-") as name:
        folder = Path(name)
        files.create(folder / "signer", LOG)
        Memory(files.memory_file(folder / "signer"), create=True).close()
        with server.connect() as superuser:
            superuser.execute(f"CREATE ROLE {RETENTION} LOGIN IN ROLE audit_retention")
            superuser.execute(f"CREATE ROLE {ERASER} LOGIN IN ROLE audit_eraser")
            superuser.execute(f"CREATE ROLE {SIGNER} LOGIN IN ROLE audit_signer")
        kept = Keeping(server, folder, {})
        for tenant in tenants:
            kept.keys[tenant] = kept.administer("SELECT audit.issue_api_key(%s, 'a key of the tests')", tenant)
        yield kept

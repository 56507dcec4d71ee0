"""The scene of one attack: a copy of a sealed and signed database, the signer, and what tenants keep outside."""

import json
import logging
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.sign import files, notes
from tests.chaos.cluster import Cluster
from tests.support.admin_command import ENVIRONMENT
from tests.support.exporting import enter, export
from tests.support.polling import eventually
from tests.support.signing import LOG, SignerAt
from tests.support.witness import StubWitness, running_witness

TENANTS = ("acme", "globex", "initech")
SIGNER, SEALER, ADMIN = "tamper_signer", "tamper_sealer", "tamper_admin"
RETENTION, ERASER = "tamper_retention", "tamper_eraser"
ROLES = {
    SIGNER: "audit_signer", SEALER: "audit_sealer", ADMIN: "audit_admin", RETENTION: "audit_retention",
    ERASER: "audit_eraser",
}  # fmt: skip
SETTINGS = ("fsync=off", "max_connections=60", "autovacuum=off")
"""autovacuum: its transactions would hold up a new epoch for a moment."""
_NOT_SIGNED_YET = "RF010"
logging.getLogger("ringfence.sign").propagate = False  # what the signer refuses is read from its memory
logging.getLogger("ringfence.sign").addHandler(logging.NullHandler())


class Scene:
    """cluster, database: where the records are; a restore or a failover moves them. keys: an API key for each tenant.

    folder: of the signer, of what is kept outside, and of exports. found: who has caught something, and what it says.
    judged: the tenant who looks, and options: of its verifier. goes_on: whether records are written, sealed and signed
    until then.
    """

    def __init__(self, cluster: Cluster, database: str, folder: Path, keys: dict[str, str]) -> None:
        self.cluster = cluster
        self.database = database
        self.folder = folder
        self.keys = keys
        self.outside = folder / "outside"
        self.vkeys = {tenant: [self._vkey(tenant)] for tenant in TENANTS}
        self.found: dict[str, str] = {}
        self.witness: StubWitness | None = None
        self.judged = "acme"
        self.options: tuple[str, ...] = ()
        self.goes_on = True
        self.callbacks = ExitStack()

    def new_server(self) -> Cluster:
        """Start one more server, with nothing in it; it is removed with the scene."""
        cluster = Cluster(self.cluster.binaries, self.folder / "server")
        self.callbacks.callback(cluster.remove)
        cluster.start(*SETTINGS)
        return cluster

    # What a superuser can do

    def tamper(self, statements: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run statements as a superuser whom no foreign key stops; return the rows of the last one."""
        with psycopg.connect(self.cluster.url("postgres", self.database), autocommit=True) as superuser:
            superuser.execute("SET session_replication_role = replica")
            cursor = superuser.execute(statements.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def leaf(self, index: int, tenant: str = "acme") -> str:
        """Return the id of the record of a leaf."""
        ((found,),) = self.tamper(
            "SELECT record_id FROM audit.seals WHERE tenant_id = %s AND epoch = 1 AND leaf_index = %s", tenant, index
        )
        return str(found)

    def rehash(self, record_id: str) -> None:
        """Make a record's leaf again, from the record as it stands now and its salt."""
        self.tamper(
            """
            UPDATE audit.seals AS s
            SET leaf_hash = sha256(decode('00', 'hex') || convert_to(audit.record_leaf_line(
                l.log, encode(sha256(convert_to(audit.private_leaf_line(l.log, s.salt), 'UTF8')), 'hex')), 'UTF8'))
            FROM (
                SELECT id, ROW(id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error,
                               created_at, recorded_at, api_key_id, context::text)::audit.listed_audit_log AS log
                FROM audit.audit_logs) AS l
            WHERE l.id = s.record_id AND l.id = %s
            """,
            record_id,
        )

    def rebuild(self, tenant: str = "acme", epoch: int = 1) -> None:
        """Make everything above the leaves again, so that a changed tree agrees with itself."""
        tree = f"WHERE tenant_id = '{tenant}' AND epoch = {epoch}"
        self.tamper(
            f"DELETE FROM audit.seal_nodes {tree};"
            f" UPDATE audit.trees SET size = 0, frontier = '', root = sha256('') {tree};"
            f" SELECT audit.append_leaves('{tenant}', {epoch},"
            f" (SELECT string_agg(leaf_hash, ''::bytea ORDER BY leaf_index) FROM audit.seals {tree}))"
        )

    # What the service, the sealer and the signer do

    def write(self, count: int, tenant: str = "acme", **fields: Any) -> list[str]:
        """Append records with the tenant's key, as the service does; return their ids."""
        shared = {"mode": "LIVE", "status": "success", "http_status": 200, "error": "none", "tenant_id": tenant}
        records = [
            shared | {
                "id": str(uuid.uuid4()), "trace_id": f"trace-{number}", "agent_id": f"agent-{number % 7}",
                "latency_ms": number, "user_id": f"user-{number}", "api_key": self.keys[tenant],
                "context": f'{{"event": "scored", "resource": "loan {number}"}}', "position": number + 1,
            } | fields
            for number in range(count)
        ]  # fmt: skip
        with self._connected("audit_app") as service:
            ((outcomes,),) = service.execute(
                "SELECT audit.insert_audit_log_batch(p_records => %s)", [json.dumps(records)]
            ).fetchall()
        assert all("sqlstate" not in outcome for outcome in outcomes), outcomes
        return [str(record["id"]) for record in records]

    def administer(self, statement: str, *parameters: Any, role: str = ADMIN) -> Any:
        """Call a function as an administrator, or as another role; return its value."""
        with self._connected(role) as administrator:
            return administrator.execute(statement.encode(), parameters).fetchall()[0][0]

    def seal(self) -> None:
        """Seal everything that is due."""
        with self._connected(SEALER) as sealer:
            sealer.add_notice_handler(lambda notice: self.note("sealer", notice.message_primary or ""))

            def is_done() -> bool:
                try:
                    sealed = sealer.execute("SELECT audit.seal_records(p_milliseconds => 10000)").fetchone()
                except psycopg.Error as error:
                    self.note("sealer", f"{error.sqlstate} {error.diag.message_primary}")
                    return True
                lag = sealer.execute("SELECT seconds FROM audit.sealing_lag()").fetchone()
                return "sealer" in self.found or (sealed == (0,) and lag == (0.0,))

            eventually(is_done)

    def sign(self) -> None:
        """Let the signer sign one round."""
        signer = self.signer()
        status = signer.once()
        memory = signer.memory()
        memory.close()
        for (tenant, epoch), reason in memory.refusals.items():
            self.note("witness" if reason.startswith("witness ") else "signer", f"{tenant} {epoch}: {reason}")
        if status and not memory.refusals:
            self.note("signer", "a head was not signed")

    def go_on(self) -> None:
        """Do what happens every second: more records, sealing, signing."""
        for tenant in TENANTS:
            self.write(3, tenant)
        self.seal()
        self.sign()

    def begin_epoch(self, reason: str, *, is_known: bool = True) -> str:
        """Begin an epoch as the operator does, with what the signer knows; return what the command says."""
        known = self.folder / "known.json"
        known.write_text(self.signer().command("known").stdout)
        more = ["--known", str(known)] if is_known else ["--nothing-known"]
        variables = ENVIRONMENT | {"ADMIN_DATABASE_URL": self.cluster.url(ADMIN, self.database)}
        command = [sys.executable, "-m", "app.seal", "begin-epoch", "--reason", reason, *more]

        def begun() -> subprocess.CompletedProcess[str] | None:  # a server's own transactions may write for a moment
            done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
            return None if "other transactions are writing" in done.stderr else done

        done = eventually(begun)
        assert done is not None
        assert done.returncode == 0, done.stderr
        return done.stdout

    def signer(self) -> SignerAt:
        """Return the signer, on the database where it is now."""
        more = {"witnesses_file": self.witness.file(self.folder / "witnesses.toml")} if self.witness else {}
        return SignerAt(self.folder / "signer", self.cluster.url(SIGNER, self.database), more)

    @contextmanager
    def witnessed(self) -> Iterator[None]:
        """Let a witness cosign what is signed in the block; what it has seen stays."""
        with running_witness() as self.witness:
            yield

    # What a tenant does

    def keep(self, tenant: str = "acme") -> None:
        """Keep the newest checkpoint outside."""
        with self._connected("audit_app") as service, service.transaction():
            enter(service, self.keys[tenant])
            ((note,),) = service.execute("SELECT audit.get_checkpoint()").fetchall()
        self.outside.mkdir(exist_ok=True)
        (self.outside / f"{tenant}.txt").write_text(note)

    def export(self, tenant: str = "acme", form: str = "evidence", start: str | None = None) -> Path | None:
        """Export with the tenant's key, as the service does; None when the database refuses. start: of a window."""
        file = self.folder / f"{tenant}.{form}"
        try:
            with self._connected("audit_app") as service:
                return export(service, self.keys[tenant], file, form, start)
        except psycopg.Error as error:
            catcher = "no checkpoint" if error.sqlstate == _NOT_SIGNED_YET else "export"
            self.note(catcher, f"{error.sqlstate} {error.diag.message_primary}: {error.diag.message_detail}")
            return None

    def prove(self, record_id: str, tenant: str = "acme") -> None:
        """Ask for the proof of one record."""
        try:
            with self._connected("audit_app") as service, service.transaction():
                enter(service, self.keys[tenant])
                service.execute("SELECT audit.get_inclusion_proof(p_id => %s)", [record_id])
        except psycopg.Error as error:
            self.note("proof", f"{error.sqlstate} {error.diag.message_primary}: {error.diag.message_detail}")

    def verify(self, bundle: Path, tenant: str = "acme", *options: str) -> int:
        """Verify an export offline, against the checkpoint that was kept; return the exit status."""
        kept = self.outside / f"{tenant}.txt"
        since = ["--since", str(kept)] if kept.exists() else []
        keys = [f"--key={vkey}" for vkey in self.vkeys[tenant]]
        witness = [f"--witness={self.witness.vkey}"] if self.witness else []
        done = subprocess.run(
            [sys.executable, "-m", "app.verify", str(bundle), "--json", *keys, *since, *witness, *options],
            env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout, done.stderr
        for claim in json.loads(done.stdout)["claims"]:
            if claim["state"] == "FAIL":
                self.note(f"verifier: {claim['claim']}", claim["found"])
        if done.returncode == 2:
            self.note("verifier: cannot judge", done.stdout)
        return done.returncode

    def judge(self) -> None:
        """Let everybody look: go on, export the evidence and the records, verify and compare."""
        if self.goes_on:
            self.go_on()
        bundle = self.export(self.judged)
        if bundle is None or self.verify(bundle, self.judged, *self.options) or self.found:
            return  # what is not sealed now would be missing below
        listed = self.export(self.judged, "ndjson")
        assert listed is not None
        if missing := {line["id"] for line in map(json.loads, listed.open()) if "id" in line} - self.sealed_in(bundle):
            self.note("comparison", f"{len(missing)} listed records are not in the evidence")

    @staticmethod
    def sealed_in(bundle: Path) -> set[str]:
        """Return the ids of the records that an evidence export shows."""
        return {line["id"] for line in map(json.loads, bundle.open()) if line.get("kind") == "record"}

    def _vkey(self, tenant: str) -> str:
        return str(notes.key_of(notes.origin_of(LOG, tenant, 1), files.load(self.folder / "signer").current))

    def note(self, catcher: str, says: str) -> None:
        """Remember who has caught something; the first time counts."""
        self.found.setdefault(catcher, says)

    @contextmanager
    def _connected(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.cluster.url(role, self.database), autocommit=True) as connection:
            yield connection

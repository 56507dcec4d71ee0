"""The commands about evidence, run as they stand on the pages, with a signer beside the service."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service
from tests.support.sealing import seal
from tests.support.shell import Shell
from tests.support.signing import SignerAt

PAGE = "docs/evidence.md"
RECORD = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app")) as running:
        yield running


@pytest.fixture
def shell(shell: Shell, service: ServiceProcess, api_keys: dict[str, str]) -> Shell:
    shell.variables |= {"RINGFENCE_URL": str(service.http.base_url).rstrip("/"), **api_keys}
    return shell


def signed(service: ServiceProcess, api_keys: dict[str, str]) -> Any:
    """Write a record of acme, and return its checkpoint once there is one."""
    key = bearer(api_keys["ACME_API_KEY"])
    answer = service.http.post("/api/v1/audit/logs", headers=key, json=RECORD)
    proof = f"/api/v1/audit/logs/{answer.json()['id']}/proof"
    return eventually(lambda: (found := service.http.get(proof, headers=key)).status_code == 200 and found)


@pytest.mark.usefixtures("signer")
def test_the_commands_of_the_readme_export_and_verify(
    shell: Shell, service: ServiceProcess, api_keys: dict[str, str]
) -> None:
    (block,) = pages.commands("README.md", "Evidence")
    signed(service, api_keys)
    printed = shell.run(block)
    assert "FAIL" not in printed
    assert "does not prove" in printed.lower()


@pytest.mark.usefixtures("signer")
def test_a_checkpoint_is_kept_outside(shell: Shell, service: ServiceProcess, api_keys: dict[str, str]) -> None:
    (block,) = pages.commands(PAGE, "Keep checkpoints outside")
    assert signed(service, api_keys).status_code == 200
    shell.run(block)
    (kept,) = shell.folder.glob("checkpoint-????-??-??.txt")
    assert kept.read_text().startswith("ringfence.example/acme\n1\n")


def test_a_job_of_its_own_seals(shell: Shell, database: TestDatabase) -> None:
    (block,) = pages.commands(PAGE, "Sealing")
    shell.variables["SEALER_DATABASE_URL"] = database.url("sealer")
    try:
        assert re.search(r"nothing to seal|records sealed", shell.run(block))
    finally:
        database.execute("DROP ROLE IF EXISTS sealer")


def test_a_new_epoch_is_begun_with_what_the_signer_knows(
    shell: Shell, service: ServiceProcess, api_keys: dict[str, str], signer: SignerAt, database: TestDatabase
) -> None:
    (block,) = pages.commands(PAGE, "Restores and failovers")
    signed(service, api_keys)
    service.kill()
    seal(database)
    (shell.folder / "known.json").write_text(signer.command("known").stdout)
    printed = eventually(lambda: _begun(shell, block))  # what other tests write is under way for a moment
    assert "nothing that was signed is lost" in printed
    eventually(
        lambda: (
            database.execute("SELECT count(*) FROM audit.checkpoints WHERE tenant_id = 'acme' AND epoch = 2") == [(1,)]
        )
    )


def _begun(shell: Shell, block: str) -> str:
    try:
        return shell.run(block)
    except AssertionError as refused:
        assert "other transactions are writing" in str(refused)
        return ""


def test_a_session_that_holds_up_sealing_is_named_and_ended(shell: Shell, database: TestDatabase, sealer: str) -> None:
    ask, end = pages.commands("docs/runbooks.md", "Sealing is behind")
    shell.variables["SEALER_DATABASE_URL"] = database.url(sealer)
    with psycopg.connect(database.url("postgres")) as holder:
        ((pid,),) = holder.execute("SELECT pg_backend_pid() FROM pg_current_xact_id()").fetchall()
        with psycopg.connect(database.url()) as writer:
            writer.execute("SELECT audit.set_tenant('acme')")
            writer.execute("SELECT audit.insert_audit_log('kyc', 'LIVE', 'success')")
        assert f"held up by transaction of pid {pid}, role postgres" in shell.run(ask)
        shell.variables["HOLDER_PID"] = str(pid)
        shell.run(end)
        with pytest.raises(psycopg.OperationalError):
            holder.execute("SELECT 1")
    eventually(lambda: "records sealed" in shell.run(ask) or database.execute("SELECT size FROM audit.trees") == [(1,)])


def test_a_tree_that_contradicts_itself_is_named(shell: Shell, database: TestDatabase, sealer: str) -> None:
    (block,) = pages.commands("docs/runbooks.md", "A tree contradicts itself")
    shell.variables["SEALER_DATABASE_URL"] = database.url(sealer)
    for _ in range(2):
        with psycopg.connect(database.url()) as writer:
            writer.execute("SELECT audit.set_tenant('acme')")
            writer.execute("SELECT audit.insert_audit_log('kyc', 'LIVE', 'success')")
        if not database.execute("SELECT 1 FROM audit.trees"):
            seal(database)
            database.execute("UPDATE audit.trees SET root = sha256('')")
    assert eventually(lambda: (printed := shell.run(block)) and "left out: acme: " in printed and printed)

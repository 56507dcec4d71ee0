"""Checkpoints, proofs, evidence that is checked offline, and a new epoch, with records on shards."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.sign import files, notes
from app.sign.memory import Memory
from tests.citus.conftest import Distributed
from tests.citus.sealing import seal
from tests.conftest import Serve, TestDatabase
from tests.support.admin_command import ENVIRONMENT
from tests.support.aged_records import write_aged
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.rfc6962 import leaf_hash, root
from tests.support.sealing import root_of_proof
from tests.support.signing import LOG, SignerAt

AUDIT = "/api/v1/audit"
INSERT = "SELECT audit.insert_audit_log('agent', 'DRY_RUN', 'success')"


@pytest.fixture
def client(serve: Serve, database: TestDatabase) -> TestClient:
    """The service as audit_app, on the coordinator."""
    return serve(database_url=SecretStr(database.url("audit_app")))


@pytest.fixture(scope="module")
def signer(distributed: Distributed, tmp_path_factory: pytest.TempPathFactory) -> SignerAt:
    """A signer on the coordinator."""
    directory = tmp_path_factory.mktemp("signing") / "signer"
    files.create(directory, LOG)
    Memory(files.memory_file(directory), create=True).close()
    return SignerAt(directory, distributed.cluster.url("test_signer"))


def get(client: TestClient, distributed: Distributed, path: str, tenant: str = "acme", **query: Any) -> Any:
    answer = client.get(f"{AUDIT}/{path}", headers=bearer(distributed.keys[tenant]), params=query)
    assert answer.status_code == 200, answer.text
    return answer


def write(client: TestClient, distributed: Distributed, tenant: str = "acme", **body: Any) -> str:
    record = {"agent_id": "agent", "mode": "LIVE", "status": "success"} | body
    answer = client.post(f"{AUDIT}/logs", headers=bearer(distributed.keys[tenant]), json=record)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def verify(
    client: TestClient, distributed: Distributed, signer: SignerAt, folder: Path, tenant: str, *options: str
) -> dict[str, Any]:
    """Export the evidence of a tenant over HTTP, check it offline, and return what the verifier says."""
    bundle = folder / f"{tenant}.ndjson"
    bundle.write_bytes(get(client, distributed, "logs/export", tenant, format="evidence").content)
    key = notes.key_of(notes.origin_of(LOG, tenant, 1), files.load(signer.directory).current)
    done = subprocess.run(
        [sys.executable, "-m", "app.verify", str(bundle), "--json", f"--key={key}", *options],
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_a_record_is_proven_up_to_the_checkpoint_that_the_signer_signed(
    client: TestClient, distributed: Distributed, signer: SignerAt
) -> None:
    ids = [write(client, distributed, user_id=f"user {number}") for number in range(5)]
    seal(distributed)
    assert signer.once() == 0
    checkpoint = get(client, distributed, "checkpoint").text
    parsed, signatures = notes.parse(checkpoint)
    key = notes.key_of(notes.origin_of(LOG, "acme", 1), files.load(signer.directory).current)
    assert notes.is_signed(parsed.text, signatures, key)
    for record in ids:
        line, _, _ = get(client, distributed, f"logs/{record}/leaf").content.split(b"\n")
        proof = get(client, distributed, f"logs/{record}/proof").text
        assert root_of_proof(line, proof) == (parsed.root, checkpoint)


def test_a_tree_that_only_grew_is_proven_to_have_only_grown(
    client: TestClient, distributed: Distributed, signer: SignerAt
) -> None:
    ids = [write(client, distributed, "globex") for _ in range(3)]
    seal(distributed)
    assert signer.once() == 0
    found = get(client, distributed, "proofs/consistency", "globex", **{"from": 2, "to": 3}).json()
    hashes = {}
    for record in ids:
        index = int(
            get(client, distributed, f"logs/{record}/proof", "globex").text.split("\n")[1].removeprefix("index ")
        )
        hashes[index] = leaf_hash(get(client, distributed, f"logs/{record}/leaf", "globex").content.split(b"\n")[0])
    leaves = tuple(hashes[index] for index in range(3))
    assert [base64.b64decode(found[name]) for name in ("from_root", "to_root")] == [root(leaves[:2]), root(leaves)]
    assert [base64.b64decode(each) for each in found["hashes"]] == [leaves[2]]


def test_an_export_is_checked_offline_also_when_records_were_erased_and_pruned(
    client: TestClient, distributed: Distributed, database: TestDatabase, signer: SignerAt, tmp_path: Path
) -> None:
    tenant = database.create_tenant("initech")
    distributed.keys[tenant] = database.issue_api_key(tenant)
    write_aged(database, tenant, count=300, sealed=False)
    for user in ("jane", "john", "john"):
        write(client, distributed, tenant, user_id=user)
    seal(distributed)
    assert signer.once() == 0
    whole = verify(client, distributed, signer, tmp_path, tenant)
    assert whole["verdict"] == "pass"

    database.execute("SELECT audit.set_retention(%s, 365, 30)", tenant)
    erased = "SELECT e.erased FROM audit.erase_user(%s, 'jane', 'R-1') AS e"
    assert distributed.call("test_eraser", (erased, [tenant])) == 1
    assert distributed.call("test_keeper", ("SELECT p.pruned FROM audit.prune_records(10000) AS p", [])) == 300
    seal(distributed)
    assert signer.once() == 0
    assert verify(client, distributed, signer, tmp_path, tenant)["verdict"] == "fail"
    gone = verify(client, distributed, signer, tmp_path, tenant, "--allow-gone")
    assert gone["verdict"] == "pass"


def test_a_record_that_was_changed_in_its_shard_is_found_offline(
    client: TestClient, distributed: Distributed, database: TestDatabase, signer: SignerAt, tmp_path: Path
) -> None:
    tenant = database.create_tenant("hooli")
    distributed.keys[tenant] = database.issue_api_key(tenant)
    write(client, distributed, tenant, user_id="jane")
    seal(distributed)
    assert signer.once() == 0
    assert verify(client, distributed, signer, tmp_path, tenant)["verdict"] == "pass"
    node, shard = distributed.shard_of(tenant)
    distributed.call(
        "postgres",
        (f"UPDATE {shard} SET agent_id = 'forged' WHERE tenant_id = %s", [tenant]),
        node=node,
    )
    assert verify(client, distributed, signer, tmp_path, tenant)["verdict"] == "fail"


def test_an_epoch_begins_after_what_was_not_sealed_and_records_go_on_in_it(
    distributed: Distributed, database: TestDatabase, serve: Serve, signer: SignerAt, tmp_path: Path
) -> None:
    sealed = distributed.keyed("acme", INSERT)
    seal(distributed)
    assert signer.once() == 0
    unsealed = distributed.keyed("acme", INSERT)
    known = tmp_path / "known.json"
    known.write_text(signer.command("known").stdout)

    with distributed.cluster.connect(node="worker_1") as worker:
        worker.execute("BEGIN")
        worker.execute("SELECT pg_current_xact_id()")
        worker.execute("PREPARE TRANSACTION 'citus_0_1_1_1'")
        try:
            assert "other transactions are writing" in begin_epoch(distributed, known).stderr
        finally:
            worker.execute("ROLLBACK PREPARED 'citus_0_1_1_1'")
    assert "nothing that was signed is lost" in eventually(lambda: begin_epoch(distributed, known).stdout)
    later = distributed.keyed("acme", INSERT)
    seal(distributed)
    found = database.execute("SELECT s.record_id, s.epoch FROM audit.seals AS s WHERE s.tenant_id = 'acme'")
    assert [dict(found)[record] for record in (sealed, unsealed, later)] == [1, 1, 2]
    assert signer.once() == 0
    client = serve(database_url=SecretStr(database.url("audit_app")))
    assert verify(client, distributed, signer, tmp_path, "acme")["verdict"] == "pass"


def begin_epoch(distributed: Distributed, known: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.seal", "begin-epoch", "--reason", "restore", "--known", str(known)],
        env=ENVIRONMENT | {"ADMIN_DATABASE_URL": distributed.cluster.url("test_registrar")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

"""Checkpoints, leaves and proofs over HTTP: what a tenant gets, and that others get nothing of it."""

import base64
import hashlib
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.model.uuid_v7 import uuid_v7
from tests.conftest import Serve, TestDatabase
from tests.support.aged_records import write_aged
from tests.support.calls import assert_problem, bearer, execute
from tests.support.rfc6962 import leaf_hash, root
from tests.support.sealing import root_of_proof, seal, sealed_and_signed, sign, verify_note

CHECKPOINT = "/api/v1/audit/checkpoint"
CONSISTENCY = "/api/v1/audit/proofs/consistency"
TEXT = "text/plain; charset=utf-8"


@pytest.fixture(params=["api_key", "header"])
def client(request: pytest.FixtureRequest, database: TestDatabase, serve: Serve) -> TestClient:
    """A service that proves tenants, with keys of acme and globex in headers(), and one that takes their names."""
    if request.param == "header":
        client = serve()
        client.keys = {}
        return client
    client = serve(database_url=SecretStr(database.url("audit_app")))
    client.keys = {tenant: database.issue_api_key(tenant) for tenant in ("acme", "globex")}
    return client


def headers(client: TestClient, tenant: str) -> dict[str, str]:
    key = client.keys.get(tenant)
    return bearer(key) if key else {"X-Tenant-ID": tenant}


def write(client: TestClient, tenant: str = "acme", **body: Any) -> str:
    """Write a record and return its id."""
    key = client.keys.get(tenant)
    answer = execute(client, tenant, api_key=key, **body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def get(client: TestClient, path: str, tenant: str = "acme", /, **query: Any) -> Any:
    return client.get(path, headers=headers(client, tenant), params=query)


def of_record(client: TestClient, what: str, record_id: str, tenant: str = "acme", **query: Any) -> Any:
    return get(client, f"/api/v1/audit/logs/{record_id}/{what}", tenant, **query)


def test_a_record_is_proven_by_its_leaf_its_proof_and_the_checkpoint(
    client: TestClient, database: TestDatabase
) -> None:
    ids = [write(client, user_id=f"user {number}") for number in range(5)]
    signed = sealed_and_signed(database)

    checkpoint = get(client, CHECKPOINT)
    assert (checkpoint.status_code, checkpoint.headers["content-type"]) == (200, TEXT)
    assert checkpoint.text == signed
    size, signed_root = verify_note(checkpoint.text, "acme")
    assert size == 5
    for record_id in ids:
        leaf, proof = of_record(client, "leaf", record_id), of_record(client, "proof", record_id)
        assert (leaf.status_code, leaf.headers["content-type"]) == (200, "application/x-ndjson")
        assert (proof.status_code, proof.headers["content-type"]) == (200, TEXT)
        line, private, nothing = leaf.content.split(b"\n")
        assert nothing == b""
        assert json.loads(line)["id"] == record_id
        assert json.loads(line)["private_sha256"] == hashlib.sha256(private).hexdigest()
        assert root_of_proof(line, proof.text) == (signed_root, signed)


def test_a_leaf_that_is_changed_leads_to_another_root(client: TestClient, database: TestDatabase) -> None:
    first, _ = write(client), write(client)
    sealed_and_signed(database)
    line = of_record(client, "leaf", first).content.split(b"\n")[0]
    proof = of_record(client, "proof", first).text
    _, signed_root = verify_note(get(client, CHECKPOINT).text, "acme")
    assert root_of_proof(line, proof)[0] == signed_root
    assert root_of_proof(line.replace(b"credit-scoring", b"credit_scoring"), proof)[0] != signed_root


def test_a_proof_leads_to_the_checkpoint_that_is_asked_for(client: TestClient, database: TestDatabase) -> None:
    first = write(client)
    earlier = sealed_and_signed(database)
    later_id = write(client)
    later = sealed_and_signed(database)
    for size, signed in ((1, earlier), (2, later)):
        assert get(client, CHECKPOINT, size=size, epoch=1).text == signed
        assert of_record(client, "proof", first, size=size).text.endswith(signed)
    assert get(client, CHECKPOINT).text == of_record(client, "proof", first).text.partition("\n\n")[2] == later
    for refused in (of_record(client, "proof", later_id, size=1), get(client, CHECKPOINT, size=3)):
        assert_problem(refused, 422, "invalid-request", "size")


def test_a_tree_that_only_grew_is_proven_to_have_only_grown(client: TestClient, database: TestDatabase) -> None:
    ids = [write(client) for _ in range(3)]
    sealed_and_signed(database)
    answer = get(client, CONSISTENCY, **{"from": 2, "to": 3})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert (found["tenant_id"], found["epoch"], found["from"], found["to"]) == ("acme", 1, 2, 3)
    hashes = {}
    for record_id in ids:
        index = int(of_record(client, "proof", record_id).text.split("\n")[1].removeprefix("index "))
        hashes[index] = leaf_hash(of_record(client, "leaf", record_id).content.split(b"\n")[0])
    leaves = tuple(hashes[index] for index in range(3))
    assert base64.b64decode(found["from_root"]) == root(leaves[:2])
    assert base64.b64decode(found["to_root"]) == root(leaves)
    assert [base64.b64decode(each) for each in found["hashes"]] == [leaves[2]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": 3, "to": 1}, "from"), ({"from": 0, "to": 1}, "from"), ({"from": 1, "to": 4}, "to"),
        ({"from": 1, "to": 2, "epoch": 7}, "epoch"), ({"from": 1}, "to"), ({"from": 1, "to": "2.0"}, "to"),
        ({"from": 1, "to": 2**63}, "to"), ({"from": 1, "to": 2, "size": 1}, "size"),
    ],
)  # fmt: skip
def test_sizes_that_a_tree_never_had_are_refused_by_name(
    client: TestClient, database: TestDatabase, query: dict[str, Any], field: str
) -> None:
    for _ in range(3):
        write(client)
    sealed_and_signed(database)
    assert get(client, CONSISTENCY, **{"from": 1, "to": 3}).status_code == 200
    assert_problem(get(client, CONSISTENCY, **query), 422, "invalid-request", field)


def test_what_is_not_sealed_yet_is_to_be_asked_for_again(client: TestClient, database: TestDatabase) -> None:
    record_id = write(client)
    database.execute("SELECT audit.create_tenant(p_id => 'initech')")

    def all_of_it() -> list[Any]:
        return [get(client, CHECKPOINT), of_record(client, "proof", record_id)]

    seal(database)  # and nobody has signed
    for answer in all_of_it():
        assert_problem(answer, 409, "not-sealed-yet")
        assert answer.headers["retry-after"] == "2"
    assert of_record(client, "leaf", record_id).status_code == 200
    sign(database, "acme")
    assert [answer.status_code for answer in all_of_it()] == [200, 200]


def test_a_tenant_without_records_has_no_checkpoint_yet(client: TestClient) -> None:
    assert_problem(get(client, CHECKPOINT), 409, "not-sealed-yet")
    assert_problem(get(client, CONSISTENCY, **{"from": 1, "to": 1}), 409, "not-sealed-yet")


@pytest.mark.parametrize("what", ["leaf", "proof"])
def test_another_tenants_record_is_answered_like_one_that_nobody_wrote(
    client: TestClient, database: TestDatabase, what: str
) -> None:
    record_id = write(client)
    write(client, "globex")
    sealed_and_signed(database)
    sign(database, "globex")
    assert of_record(client, what, record_id).status_code == 200
    told = []
    for answer in (of_record(client, what, record_id, "globex"), of_record(client, what, str(uuid_v7()), "globex")):
        problem = assert_problem(answer, 404, "record-not-found")
        told.append(({**problem, "trace_id": None}, {**answer.headers, "x-trace-id": None}))
    assert told[0] == told[1]


def test_each_tenant_has_a_checkpoint_of_its_own(client: TestClient, database: TestDatabase) -> None:
    write(client)
    for _ in range(2):
        write(client, "globex")
    sealed_and_signed(database)
    sign(database, "globex")
    assert verify_note(get(client, CHECKPOINT).text, "acme")[0] == 1
    assert verify_note(get(client, CHECKPOINT, "globex").text, "globex")[0] == 2


@pytest.mark.parametrize("path", [CHECKPOINT, f"{CONSISTENCY}?from=1&to=1", "logs/{id}/leaf", "logs/{id}/proof"])
def test_head_has_the_headers_of_get_and_nothing_is_cached(
    client: TestClient, database: TestDatabase, path: str
) -> None:
    url = path.replace("logs/", "/api/v1/audit/logs/").format(id=write(client))
    sealed_and_signed(database)
    answer, head = (client.request(method, url, headers=headers(client, "acme")) for method in ("GET", "HEAD"))
    assert answer.status_code == head.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    alike = ("content-type", "content-length", "cache-control")
    assert [head.headers[name] for name in alike] == [answer.headers[name] for name in alike]


@pytest.mark.parametrize("path", [CHECKPOINT, f"{CONSISTENCY}?from=1&to=1", "logs/{id}/leaf", "logs/{id}/proof"])
def test_a_key_that_may_not_read_gets_no_evidence(database: TestDatabase, serve: Serve, path: str) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    reading, writing = database.issue_api_key("acme", "read"), database.issue_api_key("acme", "write")
    record_id = execute(client, api_key=writing).json()["id"]
    sealed_and_signed(database)
    url = path.replace("logs/", "/api/v1/audit/logs/").format(id=record_id)
    assert client.get(url, headers=bearer(reading)).status_code == 200
    assert_problem(client.get(url, headers=bearer(writing)), 403, "scope-missing")
    assert_problem(client.get(url), 401, "unauthenticated")


@pytest.mark.parametrize("what", ["leaf", "proof"])
def test_what_is_no_uuid_is_refused_by_name(client: TestClient, what: str) -> None:
    assert_problem(of_record(client, what, "1"), 422, "invalid-request", "id")


def test_a_tree_that_was_changed_is_told_to_its_tenant_without_details(
    client: TestClient, database: TestDatabase
) -> None:
    first, _ = write(client), write(client)
    write(client, "globex")
    sealed_and_signed(database)
    sign(database, "globex")
    assert of_record(client, "proof", first).status_code == 200
    database.execute("UPDATE audit.seals SET leaf_hash = sha256('') WHERE tenant_id = 'acme' AND leaf_index = 1")
    problem = assert_problem(of_record(client, "proof", first), 500, "tree-contradicts-itself")
    assert "tell the operator" in problem["detail"]
    assert "globex" not in json.dumps(problem)
    assert get(client, CHECKPOINT, "globex").status_code == 200


@pytest.mark.parametrize("path", ["checkpoint", "proofs/consistency?from=1&to=1", "logs/{id}/leaf", "logs/{id}/proof"])
def test_a_service_on_a_file_has_no_evidence(serve_file: Serve, path: str) -> None:
    client = serve_file()
    record_id = execute(client).json()["id"]
    url = f"/api/v1/audit/{path.format(id=record_id)}"
    assert_problem(client.get(url, headers={"X-Tenant-ID": "acme"}), 501, "evidence-unavailable")
    assert_problem(client.get(url, headers={"X-Tenant-ID": "A"}), 403, "tenant-unknown")


def test_between_sizes_that_were_signed_the_proof_stays_when_records_are_pruned(
    client: TestClient, database: TestDatabase
) -> None:
    """A tile of 256 leaves goes when all its records are pruned; a size inside it was provable before."""
    database.execute("SELECT audit.set_retention('acme', 365, 30)")
    write_aged(database, days=400, count=300)
    sign(database, "acme")
    assert get(client, CONSISTENCY, **{"from": 100, "to": 300}).status_code == 200

    database.execute("SELECT audit.prune_records(10000)")
    seal(database)
    sign(database, "acme")

    gone = get(client, CONSISTENCY, **{"from": 100, "to": 300})
    assert_problem(gone, 410, "pruned")
    assert "the leaves that this proof needs are pruned: a size that was signed" in gone.json()["detail"]
    assert get(client, CONSISTENCY, **{"from": 300, "to": 301}).status_code == 200

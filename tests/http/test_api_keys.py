"""A service whose database role is audit_keyed: an API key proves the tenant, and nothing else does."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer

EXECUTE = "/api/v1/agents/credit-scoring/execute"
LOGS = "/api/v1/audit/logs"
EVENTS = "/api/v1/audit/admin-events"


@pytest.fixture
def keyed(serve: Serve, database: TestDatabase) -> TestClient:
    """The service as audit_app, a member of audit_keyed."""
    return serve(database_url=database.url("audit_app"))


def write(client: TestClient, api_key: str, **headers: str) -> Any:
    return client.post(EXECUTE, headers=bearer(api_key) | headers, json={"input": {}})


def read(client: TestClient, api_key: str, **headers: str) -> Any:
    return client.get(LOGS, headers=bearer(api_key) | headers)


def test_a_key_writes_and_reads_its_own_tenant(keyed: TestClient, database: TestDatabase) -> None:
    acme, globex = database.issue_api_key("acme"), database.issue_api_key("globex")

    assert write(keyed, acme).json()["tenant_id"] == "acme"
    assert write(keyed, globex).json()["tenant_id"] == "globex"
    assert [item["tenant_id"] for item in read(keyed, acme).json()["items"]] == ["acme"]
    assert [item["tenant_id"] for item in read(keyed, globex).json()["items"]] == ["globex"]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_is_read_whatever_its_case(keyed: TestClient, database: TestDatabase, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {database.issue_api_key('acme')}"}

    assert keyed.get(LOGS, headers=headers).status_code == 200


def refused_keys(database: TestDatabase) -> dict[str, str]:
    """Return an Authorization header for each way in which a key can be refused, by what the log says of it."""
    revoked, expired = database.issue_api_key("acme"), database.issue_api_key("acme")
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", revoked.split("_")[1])
    database.execute(
        "UPDATE audit.api_keys SET expires_at = now() - interval '1 s' WHERE id = %s", expired.split("_")[1]
    )
    wrong_secret = database.issue_api_key("acme")[:-64] + "0" * 64
    return {
        "malformed": "Bearer rf_nonsense",
        "unknown": f"Bearer {wrong_secret}",
        f"revoked: {revoked.split('_')[1]}": f"Bearer {revoked}",
        f"expired: {expired.split('_')[1]}": f"Bearer {expired}",
    }


def test_every_refused_key_looks_alike_to_the_caller_and_not_in_the_log(
    keyed: TestClient, database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    bodies = []
    for reason, authorization in refused_keys(database).items():
        caplog.clear()
        with caplog.at_level(logging.INFO):
            answer = keyed.get(LOGS, headers={"Authorization": authorization, "X-Trace-ID": "same"})
        assert_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="ringfence"'
        assert reason in caplog.text
        assert authorization.split()[1] not in caplog.text
        assert authorization.split("_")[-1] not in caplog.text
        bodies.append((answer.text, sorted(answer.headers)))
    without = keyed.get(LOGS, headers={"X-Trace-ID": "same"})

    assert {body for body, _ in bodies} == {without.text}
    assert all(names == sorted(without.headers) for _, names in bodies)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic YWNtZTphY21l", "rf_0_0", "Bearer  "])
def test_a_header_without_a_key_is_no_credential(keyed: TestClient, authorization: str) -> None:
    assert_problem(keyed.get(LOGS, headers={"Authorization": authorization}), 401, "unauthenticated")


@pytest.mark.parametrize("key", ["Bearer \u00e9", "Bearer " + "x" * 10_000, "Bearer rf_" + "\u00ff" * 81])
def test_a_key_of_strange_characters_is_refused_like_any_other(keyed: TestClient, key: str) -> None:
    answer = keyed.get(LOGS, headers={b"Authorization": key.encode("latin-1")})

    assert_problem(answer, 401, "unauthenticated")


def test_two_keys_in_one_request_are_refused(keyed: TestClient, database: TestDatabase) -> None:
    keys = [("Authorization", f"Bearer {database.issue_api_key(tenant)}") for tenant in ("acme", "globex")]

    assert_problem(keyed.get(LOGS, headers=keys), 401, "unauthenticated")
    assert keyed.get(LOGS, headers=keys[:1]).status_code == 200


def test_naming_a_tenant_is_not_enough(keyed: TestClient) -> None:
    assert_problem(keyed.get(LOGS, headers={"X-Tenant-ID": "acme"}), 401, "unauthenticated")
    assert_problem(keyed.post(f"{EXECUTE}?tenant_id=acme", json={"input": {}}), 401, "unauthenticated")


def test_a_tenant_named_beside_the_key_must_be_its_own(keyed: TestClient, database: TestDatabase) -> None:
    globex = database.issue_api_key("globex")

    assert_problem(read(keyed, globex, **{"X-Tenant-ID": "acme"}), 403, "tenant-mismatch")
    assert_problem(keyed.get(f"{LOGS}?tenant_id=acme", headers=bearer(globex)), 403, "tenant-mismatch")
    body = {"input": {}, "tenant_id": "acme"}
    assert_problem(keyed.post(EXECUTE, headers=bearer(globex), json=body), 403, "tenant-mismatch")
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]
    assert read(keyed, globex, **{"X-Tenant-ID": "globex"}).status_code == 200


def test_a_write_key_reads_nothing_and_a_read_key_writes_nothing(keyed: TestClient, database: TestDatabase) -> None:
    write_key, read_key = database.issue_api_key("acme", "write"), database.issue_api_key("acme", "read")

    assert write(keyed, write_key).status_code == 200
    assert_problem(read(keyed, write_key), 403, "scope-missing")
    assert_problem(keyed.get(EVENTS, headers=bearer(write_key)), 403, "scope-missing")
    assert_problem(write(keyed, read_key), 403, "scope-missing")
    assert read(keyed, read_key).json()["count"] == 1
    assert keyed.get(EVENTS, headers=bearer(read_key)).status_code == 200


def test_a_revoked_key_is_refused_at_once(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    assert write(keyed, key).status_code == 200

    database.execute("SELECT audit.revoke_api_key(p_id => %s)", key.split("_")[1])

    assert_problem(write(keyed, key), 401, "unauthenticated")
    assert_problem(read(keyed, key), 401, "unauthenticated")


def test_an_expired_key_is_refused(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme", expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert write(keyed, key).status_code == 200

    database.execute("UPDATE audit.api_keys SET expires_at = now() WHERE id = %s", key.split("_")[1])

    assert_problem(write(keyed, key), 401, "unauthenticated")


def test_rotating_the_proof_secret_interrupts_nobody(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    for _ in range(5):
        assert write(keyed, key).status_code == 200
        database.execute("SELECT audit.rotate_proof_secret()")
    assert read(keyed, key).json()["count"] == 5


def test_a_tenant_reads_what_administrators_did_to_it_and_to_no_other(
    keyed: TestClient, database: TestDatabase
) -> None:
    acme, globex = database.issue_api_key("acme"), database.issue_api_key("globex")
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", database.issue_api_key("acme").split("_")[1])

    events = keyed.get(EVENTS, headers=bearer(acme)).json()["items"]
    assert [event["act"] for event in events] == [
        "api key revoked",
        "api key issued",
        "api key issued",
        "tenant created",
    ]
    assert {event["tenant_id"] for event in events} == {"acme"}
    assert {event["actor"] for event in events} == {"postgres"}
    assert {e["tenant_id"] for e in keyed.get(EVENTS, headers=bearer(globex)).json()["items"]} == {"globex"}


def test_health_says_that_keys_count(keyed: TestClient, serve: Serve) -> None:
    assert keyed.get("/api/v1/health/db").json()["tenant_source"] == "api_key"
    assert serve().get("/api/v1/health/db").json()["tenant_source"] == "header"

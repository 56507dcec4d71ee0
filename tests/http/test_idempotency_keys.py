"""Idempotency-Key: a request that is sent again is answered as before, and nothing is stored twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, bearer, records
from tests.support.lossy_proxy import lossy_proxy
from tests.support.polling import eventually

in_database = pytest.mark.parametrize("store", ["api_key", "header"], indirect=True, scope="session")


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """An Idempotency-Key of this test's own."""
    return request.node.name[-255:]  # type: ignore[no-any-return]


@in_database
def test_the_same_body_again_gets_the_same_answer_and_is_stored_once(client: TestClient, key: str) -> None:
    for kind, content in (
        ("x-ndjson", lines([record()] * 3)),
        ("json", b'{"agent_id":"a","mode":"LIVE","status":"error"}'),
    ):
        mine = f"{kind} {key}"[:255]
        before = len(records(client))
        answers = [send(client, content, kind=kind, Idempotency_Key=mine) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert len(records(client)) == before + answers[0].json()["count"]
    assert records(client)[-1]["id"] == answers[0].json()["id"]


@in_database
def test_another_body_is_refused_and_so_is_the_same_as_something_else(client: TestClient, key: str) -> None:
    content = lines([record()])
    assert send(client, content, Idempotency_Key=key).status_code == 201
    for other in (lines([record(user_id="x")]), content + content, content.strip()):
        assert_problem(send(client, other, Idempotency_Key=key), 422, "idempotency-key-reused")
    assert_problem(send(client, content, kind="json", Idempotency_Key=key), 422, "idempotency-key-reused")
    assert len(records(client)) == 1
    assert send(client, content, Idempotency_Key=key).status_code == 201


@in_database
def test_the_same_key_of_another_tenant_is_another(client: TestClient, key: str) -> None:
    assert send(client, lines([record()]), "acme", Idempotency_Key=key).json()["tenant_id"] == "acme"
    answer = send(client, lines([record()] * 2), "globex", Idempotency_Key=key)
    assert answer.json() == {"tenant_id": "globex", "count": 2, "id": None}
    assert [len(records(client, tenant)) for tenant in ("acme", "globex")] == [1, 2]


@in_database
def test_a_refused_request_does_not_use_its_key_up(client: TestClient, key: str) -> None:
    for bad in (lines([record(), record(mode="TEST")]), lines([record(), {}])):
        assert_problem(
            send(client, bad, Idempotency_Key=key), 422, "invalid-request", "mode" if b"TEST" in bad else "agent_id"
        )
    assert send(client, lines([record()]), Idempotency_Key=key).status_code == 201
    assert len(records(client)) == 1


@in_database
def test_a_key_has_1_to_255_characters(client: TestClient, key: str) -> None:
    for wrong in ("", "k" * 256):
        answer = send(client, lines([record()]), Idempotency_Key=wrong)
        assert_problem(answer, 422, "invalid-request", "Idempotency-Key")
    assert send(client, lines([record()]), Idempotency_Key=(key * 20)[:255]).status_code == 201
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), ("Content-Type", "application/x-ndjson")]
    answer = client.post("/api/v1/audit/logs", content=lines([record()]), headers=[*twice, ("X-Tenant-ID", "acme")])
    assert_problem(answer, 422, "invalid-request", "Idempotency-Key")
    assert len(records(client)) == 1


@pytest.mark.parametrize("store", ["jsonl"], indirect=True, scope="session")
def test_a_file_keeps_no_keys_and_says_so(client: TestClient) -> None:
    answer = send(client, lines([record()]), Idempotency_Key="k")
    assert "database" in assert_problem(answer, 422, "invalid-request", "Idempotency-Key")["detail"]
    assert records(client) == []


def is_blocked(database: TestDatabase) -> bool:
    return database.execute(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ) == [(True,)]


@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_the_second_of_two_at_once_is_blocked_until_the_first_ends(
    serve_any: Serve, database: TestDatabase, role: str, ends: str
) -> None:
    """The first is held open here, with what it has claimed; the second is the service's."""
    content, tenant = lines([record()] * 2), {"X-Tenant-ID": "acme"}
    client = serve_any(database_url=SecretStr(database.url(role)))
    key = database.issue_api_key("acme", "read", "write")
    assert send(client, content, api_key=key, Idempotency_Key="first").status_code == 201
    database.execute("UPDATE audit.idempotency_keys SET key = 'k'")  # what the first transaction would have written
    database.execute(
        "CREATE TABLE public.kept AS SELECT * FROM audit.idempotency_keys; TRUNCATE audit.idempotency_keys"
    )
    count = 2

    database.execute("BEGIN")
    database.execute("INSERT INTO audit.idempotency_keys SELECT * FROM public.kept")
    with ThreadPoolExecutor(1) as executor:
        second: Any = executor.submit(send, client, content, "acme", key, Idempotency_Key="k")
        try:
            eventually(lambda: blocked_elsewhere(database))
        finally:
            database.execute(ends)
        answer = second.result()

    assert answer.status_code == 201, answer.text
    assert answer.json() == {"tenant_id": "acme", "count": 2, "id": None}
    count += 0 if ends == "COMMIT" else 2
    assert len(client.get("/api/v1/audit/logs", headers=bearer(key) | tenant).json()["items"]) == count


def blocked_elsewhere(database: TestDatabase) -> bool:
    # pg_stat_activity is read once in a transaction.
    database.execute("SELECT pg_stat_clear_snapshot()")
    return is_blocked(database)


@in_database
def test_many_at_once_are_stored_once(client: TestClient, key: str) -> None:
    content = lines([record()] * 50)
    with ThreadPoolExecutor(6) as executor:
        answers = list(executor.map(lambda _: send(client, content, Idempotency_Key=key), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert len(records(client)) == 50


def test_after_a_day_a_key_counts_as_new(serve_any: Serve, database: TestDatabase) -> None:
    client = serve_any(database_url=SecretStr(database.url("audit_app")))
    key = database.issue_api_key("acme", "read", "write")

    def send_again(number: int, used: str = "k") -> Any:
        return send_json(client, [record()] * number, api_key=key, Idempotency_Key=used)

    assert send_again(1).status_code == 201
    database.execute("UPDATE audit.idempotency_keys SET created_at = created_at - interval '23 hours 59 minutes'")
    assert_problem(send_again(2), 422, "idempotency-key-reused")
    database.execute("UPDATE audit.idempotency_keys SET created_at = created_at - interval '2 minutes'")
    assert send_again(2).json()["count"] == 2
    assert send_again(2).status_code == 201
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(3,)]

    database.execute("UPDATE audit.idempotency_keys SET created_at = created_at - interval '25 hours'")
    assert send_again(1, "another").status_code == 201
    assert database.execute("SELECT key FROM audit.idempotency_keys") == [("another",)]


@pytest.mark.parametrize("idempotency", [{}, {"Idempotency_Key": "k"}])
def test_what_was_committed_while_its_answer_got_lost_is_stored_once(
    serve_any: Serve, database: TestDatabase, idempotency: dict[str, str]
) -> None:
    info = database.administrator.info
    with lossy_proxy(f"{info.host}/.s.PGSQL.{info.port}") as proxy:
        client = serve_any(
            database_url=SecretStr(f"postgresql://audit_gateway@127.0.0.1:{proxy.port}/{info.dbname}"),
            database_pool_size=1,
        )
        proxy.lose = b"COMMIT\0"
        answer = send(client, lines([record()] * 2500), **idempotency)

        assert answer.status_code == 201, answer.text
        assert answer.json()["count"] == 2500
        assert proxy.lost == 1
        assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(2500,)]

"""The service starts while the database is unavailable, and serves once that is there and passes the checks."""

import json
import signal

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.services.postgres import circuit_breaker
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, execute
from tests.support.polling import eventually
from tests.support.processes import running_service

HEALTH, STORE, LOGS = "/api/v1/health", "/api/v1/health/db", "/api/v1/audit/logs"
UNREACHABLE = [
    "postgresql://audit_app:passw0rd@127.0.0.1:1/none",
    "postgresql://audit_app:passw0rd@/none?host=/nowhere",
    "postgresql://audit_app:passw0rd@name.invalid/none",
]


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_server_that_cannot_be_reached_is_waited_for(
    serve_any: Serve, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    client = serve_any(database_url=SecretStr(url))

    health = client.get(HEALTH)
    assert (health.status_code, health.json()["database"]) == (200, "down")
    store = client.get(STORE)
    assert store.status_code == 503
    assert store.json() == {
        "status": "failed", "backend": "postgresql", "latency_ms": None, "isolation": "unknown",
        "tenant_source": "unknown", "reason": "the database cannot be reached",
    }  # fmt: skip
    answer = execute(client, api_key="rf_" + "0" * 16 + "_" + "0" * 64)
    assert_problem(answer, 503, "storage-unavailable")
    assert answer.headers["retry-after"]
    eventually(lambda: "waiting for the database: " in caplog.text)
    assert "passw0rd" not in caplog.text


def start_in_an_outage(serve: Serve, database: TestDatabase, role: str = "audit_app") -> TestClient:
    database.go_down()
    return serve(database_url=SecretStr(database.url(role)))


def test_it_serves_once_the_database_is_there(serve: Serve, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    client = start_in_an_outage(serve, database)
    assert_problem(execute(client, api_key=key), 503, "storage-unavailable")
    assert client.get(HEALTH).json()["database"] == "down"

    database.come_up()

    assert eventually(lambda: execute(client, api_key=key).status_code == 200)
    store = client.get(STORE).json()
    assert (store["status"], store["tenant_source"]) == ("ok", "api_key")
    # The rules of the database are known as after any other start.
    assert_problem(execute(client, api_key=key, user_id="j" * 257), 422, "invalid-request", "user_id")


@pytest.mark.parametrize(
    ("mistake", "repair", "words", "told"),
    [
        (
            "GRANT TRUNCATE ON audit.audit_logs TO audit_keyed",
            "REVOKE TRUNCATE ON audit.audit_logs FROM audit_keyed",
            "audit_keyed has TRUNCATE",
            "the database does not keep tenants apart; the service's log says where",
        ),
        (
            "UPDATE pgmigrate.applied_files SET sha256 = reverse(sha256) WHERE path = 'policies/audit_logs.sql'",
            "UPDATE pgmigrate.applied_files SET sha256 = reverse(sha256) WHERE path = 'policies/audit_logs.sql'",
            "run `make migrate`",
            "the database's schema is behind this release",
        ),
    ],
    ids=["isolation", "schema"],
)
def test_a_database_that_comes_and_must_not_be_served_is_not_served_until_it_is_repaired(
    serve: Serve,
    database: TestDatabase,
    caplog: pytest.LogCaptureFixture,
    mistake: str,
    repair: str,
    words: str,
    told: str,
) -> None:
    key = database.issue_api_key("acme")
    database.execute(mistake)
    client = start_in_an_outage(serve, database)

    database.come_up()

    eventually(lambda: words in caplog.text)
    assert_problem(execute(client, api_key=key), 503, "storage-unavailable")
    store = client.get(STORE)
    assert (store.status_code, store.json()["reason"]) == (503, told)
    assert client.get(HEALTH).json()["database"] == "down"
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]
    database.execute(repair)
    assert eventually(lambda: execute(client, api_key=key).status_code == 200)


def test_a_role_that_names_its_tenant_is_not_served_to_everybody_later_either(
    serve: Serve, database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.go_down()
    url = SecretStr(database.url("audit_gateway"))
    everywhere, trusted = (
        serve(database_url=url, host="0.0.0.0", trust_tenant_header=trust) for trust in (False, True)
    )

    database.come_up()

    assert eventually(lambda: execute(trusted).status_code == 200)
    eventually(lambda: "TRUST_TENANT_HEADER" in caplog.text)
    assert_problem(execute(everywhere), 503, "storage-unavailable")


def test_the_log_says_again_what_is_waited_for(
    serve: Serve, database: TestDatabase, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "_SECONDS_BETWEEN_REMINDERS", 0.1)
    start_in_an_outage(serve, database)

    eventually(lambda: "still waiting for the database" in caplog.text)

    assert "not currently accepting connections" in caplog.text
    database.come_up()
    eventually(lambda: "the database is back" in caplog.text)


def test_a_process_that_waits_for_the_database_says_so_in_one_line_and_stops_when_told(database: TestDatabase) -> None:
    database.go_down()
    with running_service(database_url=database.url("audit_app")) as service:
        assert service.http.get(HEALTH).json()["database"] == "down"
        lines = [json.loads(line) for line in service.printed().splitlines() if "waiting for the database" in line]
        assert len(lines) == 1
        assert "not currently accepting connections" in lines[0]["message"]
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == -signal.SIGTERM
        assert "Traceback" not in service.printed()
    database.come_up()

"""Health: whether the process answers, and whether records can be stored and tenants are kept apart."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from app import __version__
from tests.conftest import CreateRole, Serve, TestDatabase
from tests.support.polling import eventually

HEALTH, STORE = "/api/v1/health", "/api/v1/health/db"


def test_the_process_answers_with_its_version(serve_each: Serve) -> None:
    answer = serve_each().get(HEALTH)

    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("database") in ("up", "none")
    assert body == {"status": "ok", "version": __version__}


def test_the_process_answers_while_the_database_is_unavailable_and_says_so(
    serve: Serve, database: TestDatabase
) -> None:
    client = serve()
    assert client.get(HEALTH).json()["database"] == "up"
    database.go_down()
    assert client.get(STORE).status_code == 503
    answer = client.get(HEALTH)
    assert (answer.status_code, answer.json()["database"]) == (200, "down")
    database.come_up()
    eventually(lambda: client.get(HEALTH).json()["database"] == "up")


def test_a_database_that_works_is_ok(serve: Serve) -> None:
    answer = serve().get(STORE)

    assert answer.status_code == 200
    body = answer.json()
    assert 0 < body.pop("latency_ms") < 5000
    assert body == {"status": "ok", "backend": "postgresql", "isolation": "intact", "tenant_source": "header"}


def test_a_file_that_works_is_ok_and_says_what_it_is(serve_file: Serve) -> None:
    answer = serve_file().get(STORE)

    assert answer.status_code == 200
    body = answer.json()
    assert 0 < body.pop("latency_ms") < 5000
    assert body == {"status": "ok", "backend": "jsonl", "isolation": "service", "tenant_source": "header"}


@pytest.mark.parametrize(
    ("mistake", "repair"),
    [
        (
            "GRANT TRUNCATE ON audit.audit_logs TO audit_trusted",
            "REVOKE TRUNCATE ON audit.audit_logs FROM audit_trusted",
        ),
        (
            "ALTER TABLE audit.audit_logs NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE audit.audit_logs FORCE ROW LEVEL SECURITY",
        ),
        (
            "ALTER TABLE audit.tenants DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE audit.tenants ENABLE ROW LEVEL SECURITY",
        ),
        (
            "CREATE POLICY stray ON audit.audit_logs TO audit_trusted USING (true)",
            "DROP POLICY stray ON audit.audit_logs",
        ),
    ],
)
def test_isolation_that_breaks_while_the_service_runs_is_failed_until_it_is_repaired(
    serve: Serve, database: TestDatabase, caplog: pytest.LogCaptureFixture, mistake: str, repair: str
) -> None:
    client = serve()
    assert client.get(STORE).status_code == 200
    database.execute(mistake)

    answer = client.get(STORE)

    assert answer.status_code == 503
    body = answer.json()
    assert body["latency_ms"] > 0
    assert {**body, "latency_ms": None} == {
        "status": "failed", "backend": "postgresql", "latency_ms": None, "isolation": "broken",
        "tenant_source": "header",
        "reason": "the database does not keep tenants apart; the service's log says where",
    }  # fmt: skip
    assert "isolation is broken: " in caplog.text
    assert client.get(HEALTH).status_code == 200
    database.execute(repair)
    assert client.get(STORE).status_code == 200


def test_a_database_that_is_gone_is_failed_until_it_is_back(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_timeout=0.2)
    database.go_down()

    answer = client.get(STORE)

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failed", "backend": "postgresql", "latency_ms": None, "isolation": "unknown",
        "tenant_source": "header", "reason": "the database is starting or stopping",
    }  # fmt: skip
    assert client.get(HEALTH).status_code == 200
    database.come_up()
    eventually(lambda: client.get(STORE).status_code == 200)


def test_a_file_that_is_gone_is_failed_until_it_is_back(serve_file: Serve, tmp_path: Path) -> None:
    client = serve_file(audit_log_path=tmp_path / "folder" / "audit.jsonl")
    (tmp_path / "folder").rename(tmp_path / "elsewhere")
    (tmp_path / "folder").write_text("")

    answer = client.get(STORE)

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failed",
        "backend": "jsonl",
        "latency_ms": None,
        "isolation": "unknown",
        "tenant_source": "header",
        "reason": "the audit file cannot be used right now",
    }
    (tmp_path / "folder").unlink()
    assert client.get(STORE).status_code == 200


def test_a_session_that_was_ended_does_not_fail_the_database(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    database.end_sessions()

    assert client.get(STORE).status_code == 200


def test_nothing_but_the_state_is_told(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    database.execute("GRANT TRUNCATE ON audit.audit_logs TO audit_trusted")

    text = client.get(STORE).text
    for word in ("TRUNCATE", "audit_logs", "audit_trusted", database.administrator.info.host):
        assert word not in text


def test_a_role_that_has_changed_its_group_is_failed(
    database: TestDatabase, serve: Serve, create_role: CreateRole
) -> None:
    role = create_role(member_of=("audit_trusted",))
    client = serve(database_url=SecretStr(database.url(role)))
    assert client.get("/api/v1/health/db").status_code == 200

    database.execute(f"REVOKE audit_trusted FROM {role}; GRANT audit_keyed TO {role}")

    assert client.get("/api/v1/health/db").json()["status"] == "failed"

"""Connections that die, and commits that fail: no record is acknowledged that is not stored, none is stored twice."""

from collections.abc import Callable

import pytest
from psycopg import sql
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, execute, records
from tests.support.inside import pool_of, run_inside
from tests.support.lossy_proxy import lossy_proxy
from tests.support.polling import eventually

LOGS = "/api/v1/audit/logs"


def test_the_next_request_succeeds_after_every_session_was_ended(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    first = execute(client).json()["id"]

    assert database.end_sessions() >= 1
    second = execute(client)
    assert second.status_code == 200, second.text
    assert database.end_sessions() >= 1
    assert [record["id"] for record in records(client)] == [first, second.json()["id"]]


def test_every_request_succeeds_while_sessions_keep_being_ended(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_size=2)
    stored = []
    for _ in range(10):
        database.end_sessions()
        answer = execute(client)
        assert answer.status_code == 200, answer.text
        stored.append(answer.json()["id"])

    assert [record["id"] for record in records(client)] == stored


def test_a_database_that_comes_back_is_used_again_without_a_restart(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_timeout=0.2)
    kept = execute(client).json()["id"]
    database.go_down()
    assert_problem(execute(client), 503, "storage-unavailable")
    assert_problem(client.get(LOGS, headers={"X-Tenant-ID": "acme"}), 503, "storage-unavailable")
    assert client.get("/api/v1/health").status_code == 200

    database.come_up()

    later = eventually(lambda: (answer := execute(client)).status_code == 200 and answer).json()["id"]
    assert [record["id"] for record in records(client)] == [kept, later]


def test_a_request_that_waits_too_long_for_a_connection_is_refused(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_pool_size=1, database_pool_timeout=0.2)
    connection = run_inside(client, pool_of(client).getconn)
    try:
        answer = execute(client)
    finally:
        run_inside(client, pool_of(client).putconn, connection)

    assert_problem(answer, 503, "storage-unavailable")
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]
    assert execute(client).status_code == 200


DEFERRED = """
    CREATE FUNCTION public.fail_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {action};
        RETURN NULL;
    END $$;
    GRANT EXECUTE ON FUNCTION public.fail_at_commit TO PUBLIC;
    CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON audit.audit_logs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fail_at_commit();
"""


@pytest.fixture
def at_commit(database: TestDatabase) -> Callable[[str], None]:
    """Let the commit of every new record do something more."""

    def do(action: str) -> None:
        database.administrator.execute(sql.SQL(DEFERRED).format(action=sql.SQL(action)))

    return do


def test_a_record_whose_commit_fails_is_not_acknowledged(
    serve: Serve, database: TestDatabase, at_commit: Callable[[str], None]
) -> None:
    client = serve()
    at_commit("RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'")

    answer = execute(client)

    assert_problem(answer, 503, "storage-unavailable")
    assert "disk" not in answer.text
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]
    database.execute("DROP TRIGGER fail_at_commit ON audit.audit_logs")
    assert execute(client).status_code == 200


def test_a_connection_that_dies_in_the_commit_is_no_acknowledgement(
    serve: Serve, database: TestDatabase, at_commit: Callable[[str], None]
) -> None:
    client = serve()
    at_commit("PERFORM pg_terminate_backend(pg_backend_pid())")

    answer = execute(client)

    assert_problem(answer, 503, "outcome-unknown")
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]


def test_a_statement_that_the_database_cancels_is_not_acknowledged(
    serve: Serve, database: TestDatabase, at_commit: Callable[[str], None]
) -> None:
    client = serve()
    at_commit("PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(10)")

    assert_problem(execute(client), 503, "storage-unavailable")
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(0,)]


def test_a_record_whose_acknowledgement_was_lost_is_written_again_and_stored_once(
    serve_any: Serve, database: TestDatabase
) -> None:
    """The connection dies after the commit: whether it happened is unknown, so the service says it again."""
    info = database.administrator.info
    with lossy_proxy(f"{info.host}/.s.PGSQL.{info.port}") as proxy:
        url = f"postgresql://audit_gateway@127.0.0.1:{proxy.port}/{info.dbname}"
        client = serve_any(database_url=SecretStr(url), database_pool_size=1)
        proxy.lose = b"COMMIT\0"

        answer = execute(client)

        assert answer.status_code == 200, answer.text
        assert proxy.lost == 1
        assert [record["id"] for record in records(client)] == [answer.json()["id"]]

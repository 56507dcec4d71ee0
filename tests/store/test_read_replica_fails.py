"""A standby that lags, is killed, frozen, promoted or of another database is not read, and fails no request."""

import threading
import time

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import migrate
from tests.conftest import Serve
from tests.support.calls import assert_problem, bearer
from tests.support.polling import eventually
from tests.support.replica import DATABASE, LOGS, Pair, arrived, listed, metric, serving, write


@pytest.fixture
def client(serve_any: Serve, pair: Pair) -> TestClient:
    return serving(serve_any, pair)


def test_a_standby_that_lags_too_far_is_not_read(serve_any: Serve, pair: Pair) -> None:
    client = serving(serve_any, pair, read_max_lag=1.0)
    key = pair.new_key()
    with pair.lagging():
        record_id = write(client, key)
        eventually(lambda: metric(client, "ringfence_read_database_up") == 0)

        assert listed(client, key) == [record_id]
        assert metric(client, "ringfence_read_database_lag_seconds") > 1
    eventually(lambda: metric(client, "ringfence_read_database_up") == 1)
    assert metric(client, "ringfence_read_database_lag_seconds") < 1


def test_a_killed_standby_fails_no_request_and_is_read_again_when_it_returns(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    statuses: list[int] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            statuses.append(client.get(LOGS, headers=bearer(key)).status_code)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        pair.standby.kill()
        eventually(lambda: metric(client, "ringfence_read_database_up") == 0)
        assert listed(client, key) == [record_id]
        pair.standby.start()
        eventually(lambda: metric(client, "ringfence_read_database_up") == 1)
    finally:
        ended.set()
        reader.join()
    assert set(statuses) == {200}


def test_reading_goes_on_while_the_primary_is_unavailable(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(lambda: arrived(client, key, record_id))
    pair.primary.kill()
    try:
        eventually(lambda: client.get("/api/v1/health").json()["database"] == "down")
        assert listed(client, key) == [record_id]
        refused = client.get(LOGS, headers=bearer(key), params={"consistency": "strong"})
        assert_problem(refused, 503, "storage-unavailable")
    finally:
        pair.primary.start()
    eventually(lambda: client.get("/api/v1/health").json()["database"] == "up")


@pytest.mark.parametrize(
    "url", ["postgresql://audit_app@localhost:1/ringfence", "postgresql://audit_app@nowhere.invalid/ringfence"]
)
def test_a_standby_that_cannot_be_reached_keeps_nobody_from_reading(serve_any: Serve, pair: Pair, url: str) -> None:
    client = serve_any(
        database_url=SecretStr(pair.primary.url("audit_app", DATABASE)), read_database_url=SecretStr(url)
    )
    key = pair.new_key()
    record_id = write(client, key)
    assert listed(client, key) == [record_id]


def test_a_server_that_is_no_standby_of_the_database_is_never_read(serve_any: Serve, pair: Pair) -> None:
    other = "other"
    pair.primary.query(f"CREATE DATABASE {other}")
    migrate.apply(pair.primary.url("postgres", other))
    client = serve_any(
        database_url=SecretStr(pair.primary.url("audit_app", DATABASE)),
        read_database_url=SecretStr(pair.primary.url("audit_app", other)),
        metrics_token=SecretStr("token"),
    )
    key = pair.new_key()
    record_id = write(client, key)
    for _ in range(20):
        assert listed(client, key) == [record_id]
    assert metric(client, "ringfence_read_database_up") == 0


def test_a_standby_that_was_far_behind_before_the_service_started_is_not_read(serve_any: Serve, pair: Pair) -> None:
    with pair.lagging():
        pair.new_key()  # writes
        client = serve_any(
            database_url=SecretStr(pair.primary.url("audit_app", DATABASE)),
            read_database_url=SecretStr(pair.standby.url("audit_app", DATABASE)),
            metrics_token=SecretStr("token"),
        )
        key = pair.new_key()
        ids = [write(client, key) for _ in range(10)]
        eventually(lambda: metric(client, "ringfence_read_database_lag_seconds") > 0)
        assert listed(client, key) == ids[::-1]
        assert metric(client, "ringfence_read_database_up") == 0
    eventually(lambda: metric(client, "ringfence_read_database_up") == 1)


def test_a_frozen_standby_fails_no_request(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(lambda: arrived(client, key, record_id))
    answers: list[tuple[int, float]] = []

    def read() -> None:
        started = time.monotonic()
        status = client.get(LOGS, headers=bearer(key)).status_code
        answers.append((status, time.monotonic() - started))

    with pair.standby.frozen():
        readers = [threading.Thread(target=read) for _ in range(24)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert {status for status, _ in answers} == {200}
        assert max(seconds for _, seconds in answers) < 10
        eventually(lambda: metric(client, "ringfence_read_database_up") == 0)
        assert metric(client, "ringfence_read_database_lag_seconds") > 0
    eventually(lambda: metric(client, "ringfence_read_database_up") == 1)


def test_a_read_while_the_primary_is_unavailable_is_put_on_record_when_it_returns(
    client: TestClient, pair: Pair
) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(
        lambda: pair.value("SELECT count(last_used_at) FROM audit.api_key_uses WHERE api_key_id = %s", key[3:19])
    )
    standby_has_it = "SELECT count(*) FROM audit.audit_logs"
    eventually(lambda: pair.standby.query(standby_has_it, DATABASE) == pair.primary.query(standby_has_it, DATABASE))
    pair.primary.kill()
    try:
        eventually(lambda: client.get("/api/v1/health").json()["database"] == "down")
        assert listed(client, key) == [record_id]
    finally:
        pair.primary.start()
    used = "SELECT count(*) FROM audit.admin_events WHERE act = 'records read' AND api_key_id = %s"
    eventually(lambda: pair.value(used, key[3:19]) == 1)


def test_a_promoted_standby_is_not_read(client: TestClient, pair: Pair) -> None:
    """The last test of this file: the pair is none any more."""
    pair.standby.promote()
    eventually(lambda: metric(client, "ringfence_read_database_up") == 0)
    key = pair.new_key()
    assert listed(client, key) == []
    assert [write(client, key)] == listed(client, key)

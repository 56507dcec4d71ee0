"""Lists, records and exports come from a standby while it is up and close behind, and else from the primary."""

import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import migrate
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.conftest import Serve
from tests.support.calls import assert_problem, bearer
from tests.support.polling import eventually

DATABASE = "ringfence"
LOGS = "/api/v1/audit/logs"


@dataclass(frozen=True)
class Pair:
    """A primary, and a standby that streams from it."""

    primary: Cluster
    standby: Cluster

    def value(self, statement: LiteralString, *parameters: str) -> Any:
        """Run a statement on the primary, as a superuser; return its one value."""
        with psycopg.connect(self.primary.url("postgres", DATABASE), autocommit=True) as superuser:
            (value,) = superuser.execute(statement, parameters).fetchone() or (None,)
        return value

    def new_key(self) -> str:
        """Return a key for reading and writing, of a tenant that has no records yet."""
        tenant = f"tenant-{uuid.uuid4().hex[:8]}"
        self.value("SELECT audit.create_tenant(p_id => %s)", tenant)
        return str(self.value("SELECT audit.issue_api_key(p_tenant_id => %s, p_label => 'test')", tenant))

    @contextmanager
    def lagging(self) -> Iterator[None]:
        """Keep the standby from replaying what it receives."""
        with psycopg.connect(self.standby.url("postgres", DATABASE), autocommit=True) as superuser:
            superuser.execute("SELECT pg_wal_replay_pause()")
            paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'"
            eventually(lambda: superuser.execute(paused).fetchone() == (True,))
            try:
                yield
            finally:
                superuser.execute("SELECT pg_wal_replay_resume()")


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="ringfence-replica-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        primary, standby = (Cluster(wheel_binaries(), folder / each) for each in ("primary", "standby"))
        try:
            primary.start()
            primary.query(f"CREATE DATABASE {DATABASE}")
            migrate.apply(primary.url("postgres", DATABASE))
            standby.follow(primary)
            primary.query("ALTER SYSTEM RESET synchronous_standby_names")  # its commits wait for no standby
            primary.query("SELECT pg_reload_conf()")
            yield Pair(primary, standby)
        finally:
            standby.remove()
            primary.remove()


@pytest.fixture
def client(serve_any: Serve, pair: Pair) -> TestClient:
    return serving(serve_any, pair)


def serving(serve_any: Serve, pair: Pair, **settings: Any) -> TestClient:
    """Return a client of a service that reads from the standby."""
    client = serve_any(
        database_url=SecretStr(pair.primary.url("audit_app", DATABASE)),
        read_database_url=SecretStr(pair.standby.url("audit_app", DATABASE)),
        metrics_token=SecretStr("token"),
        **settings,
    )
    eventually(lambda: metric(client, "ringfence_read_database_up") == 1)
    return client


def metric(client: TestClient, name: str) -> float:
    """Return the value of one metric, 0 where it was never counted."""
    lines = client.get("/metrics", headers=bearer("token")).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(f"{name} ")), 0.0)


def write(client: TestClient, key: str) -> str:
    """Execute an agent, and return the record's id."""
    answer = client.post("/api/v1/agents/agent/execute", headers=bearer(key), json={"input": {}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def listed(client: TestClient, key: str, consistency: str = "eventual") -> list[str]:
    """Return the ids of the tenant's records, newest first."""
    answer = client.get(LOGS, headers=bearer(key), params={"consistency": consistency})
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["items"]]


def arrived(client: TestClient, key: str, record_id: str) -> bool:
    """Whether the standby has this record, and the key."""
    before = reads(client, "replica")
    return listed(client, key) == [record_id] and reads(client, "replica") > before


def reads(client: TestClient, database: str) -> float:
    """Return how many reads `database` (replica or primary) has answered."""
    return metric(client, f'ringfence_reads_total{{database="{database}"}}')


def test_lists_records_events_and_exports_come_from_the_standby(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(lambda: arrived(client, key, record_id))
    before = reads(client, "replica"), reads(client, "primary")

    assert client.get(f"{LOGS}/{record_id}", headers=bearer(key)).status_code == 200
    assert client.get("/api/v1/audit/admin-events", headers=bearer(key)).status_code == 200
    assert listed(client, key) == [record_id]

    assert (reads(client, "replica"), reads(client, "primary")) == (before[0] + 3, before[1])


def test_parts_of_an_export_come_from_the_standby_once_it_has_all_that_was_there_at_the_beginning(
    client: TestClient, pair: Pair
) -> None:
    key = pair.new_key()
    batch = "".join(f'{{"agent_id": "agent-{n}", "mode": "LIVE", "status": "success"}}\n' for n in range(60_000))
    headers = bearer(key) | {"Content-Type": "application/x-ndjson"}
    assert client.post(LOGS, headers=headers, content=batch).status_code == 201

    def read_by_standby() -> bool:
        before = reads(client, "replica")
        with client.stream("GET", f"{LOGS}/export", headers=bearer(key)) as export:
            assert sum(1 for _ in export.iter_lines()) == 60_001
        return reads(client, "replica") > before

    eventually(read_by_standby)


def test_reading_from_a_standby_is_on_record_on_the_primary(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    assert listed(client, key) == []
    used = "SELECT count(*) FROM audit.admin_events WHERE act = 'records read' AND api_key_id = %s"

    eventually(lambda: pair.value(used, key.split("_")[1]) == 1)


def test_a_key_that_has_not_arrived_yet_is_tried_on_the_primary(client: TestClient, pair: Pair) -> None:
    with pair.lagging():
        key = pair.new_key()
        assert listed(client, key) == []
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert_problem(client.get(LOGS, headers=bearer(wrong)), 401, "unauthenticated")


def test_a_caller_that_has_just_written_can_demand_its_own_write(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    first = write(client, key)
    eventually(lambda: arrived(client, key, first))
    with pair.lagging():
        second = write(client, key)

        assert listed(client, key, "strong") == [second, first]
        assert listed(client, key) == [first]
        assert client.get(f"{LOGS}/{second}", headers=bearer(key)).status_code == 200
        assert second in client.get(f"{LOGS}/export", headers=bearer(key)).text
    assert_problem(
        client.get(LOGS, headers=bearer(key), params={"consistency": "x"}), 422, "invalid-request", "consistency"
    )


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


def test_walking_a_list_loses_nothing_when_its_first_page_came_from_the_primary(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    first = write(client, key)
    eventually(lambda: arrived(client, key, first))
    with pair.lagging():
        written = [first, *(write(client, key) for _ in range(7))]
        walked, query = [], {"consistency": "strong", "limit": "2"}
        while query:
            page = client.get(LOGS, headers=bearer(key), params=query).json()
            walked += [record["id"] for record in page["items"]]
            query = {"cursor": page["next_cursor"], "limit": "2"} if page["has_more"] else {}
    assert walked == written[::-1]


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


def test_a_revoked_key_is_refused_although_the_standby_knows_nothing_of_it(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(lambda: arrived(client, key, record_id))
    with pair.lagging():
        pair.value("SELECT audit.revoke_api_key(p_id => %s)", key[3:19])
        eventually(lambda: client.get(LOGS, headers=bearer(key)).status_code == 401)


def test_a_promoted_standby_is_not_read(client: TestClient, pair: Pair) -> None:
    """The last test of this file: the pair is none any more."""
    pair.standby.promote()
    eventually(lambda: metric(client, "ringfence_read_database_up") == 0)
    key = pair.new_key()
    assert listed(client, key) == []
    assert [write(client, key)] == listed(client, key)

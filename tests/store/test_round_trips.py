"""A request takes one round trip to the database, with an API key and without."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from bench.counting_proxy import CountingProxy, counting
from tests.conftest import Serve, TestDatabase
from tests.support.calls import bearer


@pytest.fixture
def proxy(database: TestDatabase) -> Iterator[CountingProxy]:
    info = database.administrator.info
    with counting(Path(info.host) / f".s.PGSQL.{info.port}") as proxy:
        yield proxy


@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_a_write_and_a_read_take_one_round_trip_each(
    serve: Serve, database: TestDatabase, proxy: CountingProxy, role: str
) -> None:
    url = f"postgresql://{role}@127.0.0.1:{proxy.port}/{database.administrator.info.dbname}?sslmode=disable"
    client: TestClient = serve(database_url=url + "&gssencmode=disable", database_pool_size=1)
    headers = bearer(database.issue_api_key("acme")) | {"X-Tenant-ID": "acme"}

    def write() -> int:
        before = proxy.round_trips
        answer = client.post("/api/v1/agents/a/execute", headers=headers, json={"input": {}})
        assert answer.status_code == 200, answer.text
        return proxy.round_trips - before

    def read() -> int:
        before = proxy.round_trips
        assert client.get("/api/v1/audit/logs", headers=headers).status_code == 200
        return proxy.round_trips - before

    # The first calls on a connection may also prepare their statements; what counts is what every later one takes.
    for _ in range(10):
        write(), read()
    # Of most: sealing and the health check, which run beside them, take the same way.
    assert sorted(write() for _ in range(9))[:5] == [1] * 5
    assert sorted(read() for _ in range(9))[:5] == [1] * 5

"""The service with its coordinator away, its imports, its readers that wait, and its round trips."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from bench.counting_proxy import CountingProxy, counting
from tests.citus.conftest import Distributed
from tests.conftest import Serve
from tests.support.bank import record
from tests.support.calls import bearer, execute, page
from tests.support.feeds import read, waiting, write
from tests.support.polling import eventually
from tests.support.spool_directory import dead_letters, spooled_lines

LOGS = "/api/v1/audit/logs"


@pytest.fixture
def client(serve_any: Serve, distributed: Distributed) -> TestClient:
    """The service as audit_app, on the coordinator, with the keys of its tenants."""
    client = serve_any(database_url=SecretStr(distributed.cluster.url("audit_app")))
    client.keys = distributed.keys
    return client


def test_what_was_spooled_while_the_coordinator_was_down_is_replayed_with_its_keys(
    distributed: Distributed, serve_any: Serve, tmp_path: Path
) -> None:
    url, key = SecretStr(distributed.cluster.url("audit_app")), distributed.keys["acme"]
    client = serve_any(database_url=url, spool=True, spool_path=tmp_path)
    assert execute(client, agent="spooled", api_key=key).status_code == 200
    distributed.cluster.servers["coordinator"].stop()
    eventually(lambda: client.get(LOGS, headers=bearer(key)).status_code == 503)
    sent = [record(agent_id="spooled") for _ in range(2)]
    assert execute(client, agent="spooled", api_key=key).json()["stored"] == "spool"
    assert client.post(LOGS, headers=bearer(key), json=sent).json()["stored"] == "spool"

    distributed.cluster.boot("coordinator")

    eventually(lambda: not spooled_lines(tmp_path))
    assert dead_letters(tmp_path) == []
    found = page(client, "acme", key, agent_id="spooled")["items"]
    assert len(found) == 4
    assert {each["id"] for each in sent} < {each["id"] for each in found}
    assert {each["api_key_id"] for each in found} == {key.split("_")[1]}
    assert page(client, "globex", distributed.keys["globex"], agent_id="spooled")["count"] == 0


def test_history_is_imported_over_http_with_its_own_times_and_once(
    client: TestClient, distributed: Distributed
) -> None:
    old = [record(agent_id="old", created_at=f"2025-03-01T09:00:0{second}.000000Z") for second in range(3)]
    for _ in range(2):
        assert client.post(LOGS, headers=bearer(distributed.keys["globex"]), json=old).status_code == 201
    found = page(client, "globex", distributed.keys["globex"], agent_id="old", order="asc")["items"]
    assert [each["created_at"] for each in found] == [each["created_at"] for each in old]


@pytest.mark.parametrize("times", [{}, {"created_at": "2025-03-01T09:00:00.000000Z"}], ids=["live", "history"])
def test_contexts_of_many_records_are_stored_as_they_were_sent_and_one_that_is_none_is_refused(
    client: TestClient, distributed: Distributed, times: dict[str, str]
) -> None:
    key = distributed.keys["acme"]
    contexts = [{"resource": f"é {number}", "event": 1.5} for number in range(20)]
    sent = [record(agent_id="context", context=context, **times) for context in contexts]
    answer = client.post(LOGS, headers=bearer(key), json=sent)
    assert answer.status_code == 201, answer.text
    stored = {each["id"]: each["context"] for each in page(client, "acme", key, agent_id="context")["items"]}
    assert [stored[each["id"]] for each in sent] == contexts
    call = "import_audit_logs" if times else "insert_audit_logs"
    with pytest.raises(psycopg.Error) as refused:
        distributed.keyed("acme", f"SELECT audit.{call}(%s)", json.dumps([record(context="{", **times)] * 2))
    assert refused.value.sqlstate == "RF003"


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_reader_that_waits_is_answered_once_a_record_is_sealed(client: TestClient, tenant: str) -> None:
    first = write(client, tenant)
    eventually(lambda: first in [line["id"] for line in read(client, tenant)[0]])
    after = read(client, tenant)[1]["position"]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, client, tenant, after=after, wait=30)
        eventually(lambda: waiting() == 1)
        record_id = write(client, tenant)  # which the service seals by itself
        lines, _ = reader.result(timeout=25)
    assert [line["id"] for line in lines] == [record_id]


@pytest.fixture
def proxy(distributed: Distributed) -> Iterator[CountingProxy]:
    """A way to the coordinator that counts."""
    cluster = distributed.cluster
    port = cluster.ports["coordinator"]
    with counting(cluster.servers["coordinator"].socket_folder / f".s.PGSQL.{port}") as proxy:
        yield proxy


def test_a_write_and_a_read_take_one_round_trip_to_the_coordinator(
    distributed: Distributed, serve_any: Serve, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_SECONDS_BETWEEN_CALLS", "_MIN_SECONDS_OF_WORK"):  # sealing takes the same way
        monkeypatch.setattr(f"app.services.postgres.sealer.{name}", 600.0)
    url = f"postgresql://audit_app@127.0.0.1:{proxy.port}/ringfence?sslmode=disable&gssencmode=disable"
    client = serve_any(database_url=SecretStr(url), database_pool_size=1)

    def trips(method: str, path: str, body: object = None) -> int:
        before = proxy.round_trips
        answer = client.request(method, path, headers=bearer(distributed.keys["acme"]), json=body)
        assert answer.status_code == 200, answer.text
        return proxy.round_trips - before

    for method, path, body in (("GET", LOGS, None), ("POST", "/api/v1/agents/a/execute", {"input": {}})):
        # As in tests/store/test_round_trips.py, which says why most of them count.
        for _ in range(10):
            trips(method, path, body)
        assert sorted(trips(method, path, body) for _ in range(9))[:5] == [1] * 5

"""Lists, records and exports come from a standby, and none of what was acknowledged is missing where it counts."""

import json

import psycopg
import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve
from tests.support.calls import assert_problem, bearer
from tests.support.polling import eventually
from tests.support.replica import DATABASE, LOGS, Pair, arrived, listed, reads, serving, write


@pytest.fixture
def client(serve_any: Serve, pair: Pair) -> TestClient:
    return serving(serve_any, pair)


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


def test_a_revoked_key_is_refused_although_the_standby_knows_nothing_of_it(client: TestClient, pair: Pair) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(lambda: arrived(client, key, record_id))
    with pair.lagging():
        pair.value("SELECT audit.revoke_api_key(p_id => %s)", key[3:19])
        eventually(lambda: client.get(LOGS, headers=bearer(key)).status_code == 401)


def test_a_feed_comes_from_the_standby_and_a_position_that_it_has_not_from_the_primary(
    client: TestClient, pair: Pair
) -> None:
    key = pair.new_key()
    first = write(client, key)

    def feed(after: str) -> tuple[list[str], str]:
        answer = client.get("/api/v1/audit/feed", headers=bearer(key), params={"after": after})
        assert answer.status_code == 200, answer.text
        *lines, last = [json.loads(line) for line in answer.text.splitlines()]
        return [line["id"] for line in lines], last["position"]

    eventually(lambda: feed("1.0")[0] == [first])  # sealed, and on the standby
    before = reads(client, "replica")
    _, after_first = feed("1.0")
    assert reads(client, "replica") == before + 1
    with pair.lagging():
        second = write(client, key)
        sealed = "SELECT count(*) FROM audit.seals WHERE record_id = %s"
        eventually(lambda: pair.value(sealed, second) == 1)
        assert feed(after_first) == ([], after_first)
        position = "SELECT '1.2.' || left(encode(leaf_hash, 'hex'), 16) FROM audit.seals WHERE record_id = %s"
        after_second = pair.value(position, second)
        assert feed(after_second) == ([], after_second)
    eventually(lambda: feed(after_first) == ([second], after_second))


def test_a_standby_says_of_a_position_that_it_has_not_that_it_is_not_there_yet_and_the_primary_that_it_is_lost(
    client: TestClient, pair: Pair
) -> None:
    key = pair.new_key()
    record_id = write(client, key)
    eventually(lambda: arrived(client, key, record_id))
    for server, told in ((pair.standby, "RF010"), (pair.primary, "RF013")):
        with psycopg.connect(server.url("audit_app", DATABASE)) as connection:
            connection.execute("SELECT audit.enter_tenant(%s)", [key])
            with pytest.raises(psycopg.Error) as refusal:
                connection.execute("SELECT audit.read_feed('1.5')")
            assert refusal.value.sqlstate == told

"""GET /api/v1/audit/feed: every sealed record once and in order, for the tenant alone, and the wait for new ones."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.services import feed
from app.telemetry.metrics import FEED_READERS
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, execute
from tests.support.grown_trees import grow
from tests.support.polling import eventually
from tests.support.sealing import seal, sealed_and_signed
from tests.support.view_links import restricted_key

FEED = "/api/v1/audit/feed"


@pytest.fixture(params=["api_key", "header"])
def client(request: pytest.FixtureRequest, database: TestDatabase, serve: Serve) -> TestClient:
    """A service that proves tenants, with keys of acme and globex in headers(), and one that takes their names."""
    if request.param == "header":
        client = serve()
        client.keys = {}
        return client
    client = serve(database_url=SecretStr(database.url("audit_app")))
    client.keys = {tenant: database.issue_api_key(tenant) for tenant in ("acme", "globex")}
    return client


def headers(client: TestClient, tenant: str = "acme") -> dict[str, str]:
    key = client.keys.get(tenant)
    return bearer(key) if key else {"X-Tenant-ID": tenant}


def write(client: TestClient, tenant: str = "acme", **body: Any) -> str:
    """Write a record and return its id."""
    answer = execute(client, tenant, api_key=client.keys.get(tenant), **body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def get(client: TestClient, tenant: str = "acme", /, **query: Any) -> Any:
    return client.get(FEED, headers=headers(client, tenant), params=query)


def read(client: TestClient, tenant: str = "acme", /, **query: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the lines of an answer, and its last one."""
    answer = get(client, tenant, **query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last["count"] == len(lines)
    return lines, last


def one_waits() -> bool:
    """Whether one reader of the service waits."""
    return [sample.value for family in FEED_READERS.collect() for sample in family.samples] == [1]


def test_every_sealed_record_comes_once_in_the_order_of_the_tree(client: TestClient, database: TestDatabase) -> None:
    ids = []
    for number in range(7):
        ids.append(write(client, user_id=f"user {number}"))
        seal(database)  # each has a leaf of its own before the next is written
    found, after = [], None
    while True:
        lines, last = read(client, limit=3, **({"after": after} if after else {}))
        found += lines
        after = last["position"]
        if not last["has_more"]:
            break
    assert [line["id"] for line in found] == ids
    assert [line["leaf_index"] for line in found] == list(range(7))


def test_a_line_is_the_record_as_it_is_listed_with_its_leaf(client: TestClient, database: TestDatabase) -> None:
    write(client, user_id="jane", context={"event": "asked"})
    note = sealed_and_signed(database)
    (line,), last = read(client)
    listed = client.get("/api/v1/audit/logs", headers=headers(client)).json()["items"]
    leaf = {name: line.pop(name) for name in ("epoch", "leaf_index", "leaf_hash")}
    assert [line] == listed
    assert (leaf["epoch"], leaf["leaf_index"]) == (1, 0)
    assert last["position"] == f"1.1.{leaf['leaf_hash'][:16]}"
    assert last["checkpoint"] == note


def test_after_the_last_position_there_is_nothing_new_until_a_record_is_sealed(
    client: TestClient, database: TestDatabase
) -> None:
    write(client)
    seal(database)
    _, last = read(client)
    assert read(client, after=last["position"]) == ([], {**last, "count": 0})
    record_id = write(client)
    seal(database)
    assert [line["id"] for line in read(client, after=last["position"])[0]] == [record_id]


def test_another_tenant_reads_its_own_records_alone(client: TestClient, database: TestDatabase) -> None:
    of_acme, of_globex = write(client), write(client, "globex")
    seal(database)
    assert [line["id"] for line in read(client)[0]] == [of_acme]
    lines, last = read(client, "globex")
    assert [line["id"] for line in lines] == [of_globex]
    # The position of another tenant's feed names a leaf that this tree does not have there.
    answer = get(client, after=last["position"])
    assert assert_problem(answer, 409, "feed-position-lost", "after")["errors"] == [
        {"field": "after", "detail": "go on after 1.0", "resume_after": "1.0"}
    ]
    assert read(client, after="1.0")[0]


def test_a_reader_that_waits_is_answered_once_a_record_is_sealed(
    client: TestClient, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_SECONDS_UNTOLD", 600.0)  # so that the news alone can wake it
    write(client)
    seal(database)
    after = read(client)[1]["position"]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, client, after=after, wait=30)
        eventually(one_waits)
        record_id = write(client)  # which the service seals by itself
        lines, _ = reader.result(timeout=25)
    assert [line["id"] for line in lines] == [record_id]


def test_a_reader_that_hears_no_news_looks_by_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_SECONDS_UNTOLD", 0.2)
    monkeypatch.setattr("app.services.postgres.sealing_news.SealingNews._tell", lambda _: None)
    after = read(client)[1]["position"]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read, client, after=after, wait=30)
        eventually(one_waits)
        record_id = write(client)
        lines, _ = reader.result(timeout=25)
    assert [line["id"] for line in lines] == [record_id]


def test_a_wait_in_vain_ends_in_time_with_the_position_that_was_sent(client: TestClient) -> None:
    began = time.monotonic()
    assert read(client, wait=1) == ([], {"position": "1.0", "count": 0, "has_more": False, "checkpoint": None})
    assert 1 <= time.monotonic() - began < 10


def test_a_reader_that_waits_is_told_when_its_key_is_revoked(database: TestDatabase, serve: Serve) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    client.keys = {"acme": database.issue_api_key("acme")}
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(get, client, wait=30)
        eventually(one_waits)
        database.execute("SELECT audit.revoke_api_key(%s)", client.keys["acme"].split("_")[1])
        assert_problem(reader.result(timeout=25), 401, "unauthenticated")


def test_a_reader_among_leaves_without_a_line_goes_on_at_once(client: TestClient, database: TestDatabase) -> None:
    grow(database, "acme", 80_000)  # of statements, which OCSF has no event for
    began = time.monotonic()
    lines, last = read(client, format="ocsf", limit=1, wait=30)
    assert time.monotonic() - began < 20
    assert (lines, last["count"], last["has_more"]) == ([], 0, True)
    assert int(last["position"].split(".")[1]) > 0


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 10001},
        {"format": "csv"},
        {"after": "1"},
        {"after": ""},
        {"wait": "x"},
        {"wait": -1},
        {"wait": 31},
    ],
)
def test_what_no_reader_would_send_is_refused_by_name(client: TestClient, query: dict[str, Any]) -> None:
    assert_problem(get(client, **query), 422, "invalid-request", *query)


def test_a_key_that_may_only_write_or_shows_a_part_reads_no_feed(database: TestDatabase, serve: Serve) -> None:
    client = serve(database_url=SecretStr(database.url("audit_app")))
    for key in (database.issue_api_key("acme", "write"), restricted_key(database, "acme", agent_id="one")):
        assert_problem(client.get(FEED, headers=bearer(key)), 403, "scope-missing")
    assert client.get(FEED, headers=bearer(database.issue_api_key("acme"))).status_code == 200


def test_the_audit_file_has_no_feed(serve_file: Serve) -> None:
    answer = serve_file().get(FEED, headers={"X-Tenant-ID": "acme"})
    assert_problem(answer, 501, "evidence-unavailable")

"""GET /api/v1/audit/feed: every sealed record once and in order, for the tenant alone, and the wait for new ones."""

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer
from tests.support.feeds import FEED, get, headers, read, write
from tests.support.grown_trees import grow
from tests.support.sealing import seal, sealed_and_signed
from tests.support.view_links import restricted_key


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

"""GET /api/v1/audit/admin-events: what leaves an event and what it says, pages and filters, and what is refused."""

from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.main import create_app
from app.model.query import ACTS
from app.settings import Settings
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send
from tests.support.calls import assert_problem, bearer, execute, page
from tests.support.polling import eventually

EVENTS = "/api/v1/audit/admin-events"
LONG_AGO = "2001-02-03T04:05:06Z"


def events(client: TestClient, api_key: str | None = None, tenant: str = "acme", **query: Any) -> dict[str, Any]:
    """Return one page of the tenant's events."""
    headers = {"X-Tenant-ID": tenant} | (bearer(api_key) if api_key else {})
    answer = client.get(EVENTS, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def acts(database: TestDatabase, act: str) -> list[tuple[Any, ...]]:
    """Return tenant, key and detail of every event of this act, oldest first."""
    return database.execute(
        "SELECT tenant_id, api_key_id, detail FROM audit.admin_events WHERE act = %s ORDER BY created_at, id", act
    )


@pytest.fixture
def keyed(serve: Serve, database: TestDatabase) -> TestClient:
    return serve(database_url=database.url("audit_app"))


def test_a_list_of_events_is_a_page_on_every_backend(client: TestClient) -> None:
    found = events(client)

    assert list(found) == ["count", "items", "next_cursor", "has_more"]
    assert found["count"] == len(found["items"])
    assert (found["next_cursor"], found["has_more"]) == (None, False)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"order": "newest"}, "order"),
        ({"act": "key issued"}, "act"),
        ({"act": ""}, "act"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "0-0-0"}, "cursor"),
        ({"start_time": "2026-01-01T00:00:00"}, "start_time"),
        ({"end_time": "1767225600"}, "end_time"),
    ],
)
def test_an_argument_that_can_only_be_a_mistake_is_refused(
    client: TestClient, query: dict[str, Any], field: str
) -> None:
    headers = {"X-Tenant-ID": "acme"}
    assert_problem(client.get(EVENTS, headers=headers, params=query), 422, "invalid-request", field)
    accepted = {"limit": 1000, "order": "asc", "act": "tenant created", "api_key_id": "0", "start_time": LONG_AGO}
    assert client.get(EVENTS, headers=headers, params=accepted).status_code == 200


def test_every_act_is_one_to_filter_by(client: TestClient) -> None:
    for act in ACTS:
        assert {item["act"] for item in events(client, act=act)["items"]} <= {act}


def test_a_thousand_exports_push_no_issue_of_a_key_out_of_sight(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    public_id = key.split("_")[1]
    with psycopg.connect(database.url("audit_app"), autocommit=True) as app:
        for _ in range(1005):
            with app.transaction():
                app.execute("SELECT audit.enter_tenant(%s)", [key])
                app.execute("SELECT audit.record_export(%s)", [key])

    assert "api key issued" not in {item["act"] for item in events(keyed, key)["items"]}
    (issued,) = events(keyed, key, act="api key issued")["items"]
    assert (issued["api_key_id"], issued["detail"]["scopes"]) == (public_id, ["read", "write"])
    first = events(keyed, key)
    assert (first["count"], first["has_more"]) == (1000, True)
    second = events(keyed, key, cursor=first["next_cursor"])
    assert not second["has_more"]
    seen = [item["id"] for item in first["items"] + second["items"]]
    assert len(set(seen)) == len(seen)
    assert "api key issued" in {item["act"] for item in second["items"]}
    assert_problem(
        keyed.get(EVENTS, headers=bearer(key), params={"cursor": first["next_cursor"], "order": "asc"}),
        422, "invalid-request", "cursor",
    )  # fmt: skip


def test_events_are_found_by_key_time_and_order(keyed: TestClient, database: TestDatabase) -> None:
    keys = [database.issue_api_key("acme") for _ in range(2)]
    public_ids = [key.split("_")[1] for key in keys]

    for key, public_id in zip(keys, public_ids, strict=True):
        found = events(keyed, key, api_key_id=public_id)["items"]
        assert {item["api_key_id"] for item in found} == {public_id}
    issued = events(keyed, keys[0], act="api key issued")["items"]
    assert [item["api_key_id"] for item in issued] == public_ids[::-1]
    assert events(keyed, keys[0], act="api key issued", order="asc")["items"] == issued[::-1]
    between = {"start_time": issued[1]["created_at"], "end_time": issued[0]["created_at"]}
    assert events(keyed, keys[0], act="api key issued", **between)["items"] == issued[1:]


def test_an_import_is_on_record_with_its_key_and_count(keyed: TestClient, database: TestDatabase) -> None:
    importer, reader = database.issue_api_key("acme", "import"), database.issue_api_key("acme", "read")
    many = [record(created_at=LONG_AGO) for _ in range(2500)]

    assert send(keyed, lines(many), api_key=importer).status_code == 201

    found = events(keyed, reader, act="records imported")["items"]
    assert {(item["tenant_id"], item["api_key_id"]) for item in found} == {("acme", importer.split("_")[1])}
    # One of each call of the database, all of one transaction and so of one time.
    assert sum(item["detail"]["count"] for item in found) == len(many)
    assert len(found) <= 3
    assert len({item["created_at"] for item in found}) == 1


def test_an_import_that_is_refused_or_repeated_leaves_no_event(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme", "import")
    body = lines([record(id="01900000-0000-7000-8000-00000000000a", created_at=LONG_AGO)])

    assert send(keyed, lines([record(created_at=LONG_AGO), record(created_at=None)]), api_key=key).status_code == 422
    assert acts(database, "records imported") == []
    assert send(keyed, body, api_key=key).status_code == 201
    assert send(keyed, body, api_key=key).status_code == 201
    assert acts(database, "records imported") == [("acme", key.split("_")[1], {"count": 1})]


def test_records_of_now_leave_no_event(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")

    assert send(keyed, lines([record(), record()]), api_key=key).status_code == 201
    assert execute(keyed, api_key=key).status_code == 200

    assert {item["act"] for item in events(keyed, key)["items"]} == {"tenant created", "api key issued"}


@pytest.mark.parametrize("path", ["/api/v1/audit/logs", "/api/v1/audit/logs/{id}", "/api/v1/audit/logs/export", EVENTS])
def test_the_first_read_of_an_hour_is_on_record_whichever_way_a_key_reads(
    keyed: TestClient, database: TestDatabase, path: str
) -> None:
    key, other = database.issue_api_key("acme"), database.issue_api_key("acme")
    written = send(keyed, lines([record(id="01900000-0000-7000-8000-000000000001")]), api_key=key)
    assert written.status_code == 201
    path = path.format(id="01900000-0000-7000-8000-000000000001")
    for _ in range(3):
        assert keyed.get(path, headers=bearer(key)).status_code == 200
    eventually(lambda: acts(database, "records read") == [("acme", key.split("_")[1], None)])

    page(keyed, api_key=other)
    both = [key.split("_")[1], other.split("_")[1]]
    eventually(lambda: [key_id for _, key_id, _ in acts(database, "records read")] == both)


def test_a_read_is_put_on_record_again_by_a_worker_that_knows_of_none(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    for expected in (1, 1, 2):
        if expected == 2:  # the next hour, as it will look back on this one
            database.execute("UPDATE audit.api_key_uses SET last_read_at = last_read_at - interval '1 hour'")
        with TestClient(create_app(Settings(database_url=SecretStr(database.url("audit_app")), spool=False))) as client:
            page(client, api_key=key)
        assert len(acts(database, "records read")) == expected


def test_a_read_that_is_refused_leaves_no_event(keyed: TestClient, database: TestDatabase) -> None:
    writer, reader = database.issue_api_key("acme", "write"), database.issue_api_key("acme", "read")
    assert_problem(keyed.get(EVENTS, headers=bearer(writer)), 403, "scope-missing")
    assert keyed.get(EVENTS, headers=bearer(reader), params={"limit": 0}).status_code == 422
    assert acts(database, "records read") == []
    assert keyed.get(EVENTS, headers=bearer(reader)).status_code == 200
    eventually(lambda: acts(database, "records read") == [("acme", reader.split("_")[1], None)])


def test_a_read_is_blocked_by_no_other_transaction_that_records_one(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    with psycopg.connect(database.url("audit_app")) as elsewhere:
        elsewhere.execute("SELECT audit.enter_tenant(%s)", [key])
        elsewhere.execute("SELECT audit.record_api_key_use('read')")  # has recorded the read, and stays open

        assert page(keyed, api_key=key)["count"] == 0

    eventually(lambda: acts(database, "records read") == [("acme", key.split("_")[1], None)])


def test_a_key_on_record_is_the_one_that_was_shown_whatever_is_set(database: TestDatabase) -> None:
    shown, other = database.issue_api_key("acme"), database.issue_api_key("acme")
    with psycopg.connect(database.url("audit_app")) as app:
        app.execute("SELECT audit.enter_tenant(%s)", [shown])
        (proof,) = app.execute("SELECT current_setting('app.proof')").fetchone() or ("",)
        secret, key_id, *rest = proof.split(":")
        app.execute("SELECT set_config('app.proof', %s, true)", [":".join([secret, other.split("_")[1], *rest])])
        with pytest.raises(psycopg.Error, match="no tenant is proven"):
            app.execute("SELECT audit.record_api_key_use('read')")
        app.rollback()
        app.execute("SELECT audit.enter_tenant(%s)", [shown])
        app.execute("SELECT audit.record_api_key_use('read')")
    assert acts(database, "records read") == [("acme", shown.split("_")[1], None)]
    assert key_id == shown.split("_")[1]

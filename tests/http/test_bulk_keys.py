"""Many records and API keys: what each scope may send, and that one tenant's keys mean nothing to another."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.model.uuid_v7 import uuid_v7
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, records

THEN = "2019-05-06T07:08:09.123456Z"


@pytest.fixture
def keyed(serve: Serve, database: TestDatabase) -> TestClient:
    """The service as audit_app."""
    return serve(database_url=database.url("audit_app"))


def stored(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.execute("SELECT tenant_id, agent_id, created_at FROM audit.audit_logs ORDER BY created_at, id")


def test_a_key_writes_for_its_own_tenant_alone(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("globex", "write")
    for answer in (
        send(keyed, lines([record()]), "globex", key),
        send_json(keyed, [record()], tenant="globex", api_key=key),
        send_json(keyed, record(), tenant="globex", api_key=key),
    ):
        assert answer.status_code == 201, answer.text
        assert answer.json()["tenant_id"] == "globex"
    assert_problem(send(keyed, lines([record()]), "acme", key), 403, "tenant-mismatch")
    assert {row[0] for row in stored(database)} == {"globex"}
    assert len(stored(database)) == 3


@pytest.mark.parametrize("scopes", [("read",), ("import",), ("import", "read")])
def test_a_key_without_the_scope_write_writes_nothing(
    keyed: TestClient, database: TestDatabase, scopes: tuple[str, ...]
) -> None:
    for key, status in ((database.issue_api_key("acme", *scopes), 403), (database.issue_api_key("acme", "write"), 201)):
        answers = [
            send(keyed, lines([record()]), api_key=key),
            send_json(keyed, [record()], api_key=key),
            send_json(keyed, record(), api_key=key),
            send_json(keyed, record(), api_key=key, Idempotency_Key=f"k{status}"),
        ]
        assert [answer.status_code for answer in answers] == [status] * 4
        if status == 403:
            for answer in answers:
                assert_problem(answer, 403, "scope-missing")
            assert stored(database) == []
    assert len(stored(database)) == 4


def test_a_made_up_key_is_refused_before_the_body_is_read(keyed: TestClient) -> None:
    answer = send(keyed, b"no JSON at all", api_key=f"rf_{'0' * 16}_{'0' * 64}")
    assert_problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize("scopes", [("write",), ("read", "write"), ("read",)])
def test_only_the_scope_import_keeps_the_time_of_a_record(
    keyed: TestClient, database: TestDatabase, scopes: tuple[str, ...]
) -> None:
    key = database.issue_api_key("acme", *scopes)
    for answer in (
        send(keyed, lines([record(created_at=THEN)] * 3), api_key=key),
        send_json(keyed, [record(created_at=THEN)], api_key=key),
        send_json(keyed, record(created_at=THEN), api_key=key),
    ):
        assert "import" in assert_problem(answer, 403, "scope-missing")["detail"]
    assert stored(database) == []

    importer = database.issue_api_key("acme", "import")
    assert send(keyed, lines([record(created_at=THEN)] * 3), api_key=importer).status_code == 201
    assert send_json(keyed, [record(created_at=THEN)], api_key=importer).status_code == 201
    assert send_json(keyed, record(created_at=THEN), api_key=importer).status_code == 201
    assert [(tenant, str(time.astimezone().timestamp())) for tenant, _, time in stored(database)] == [
        ("acme", "1557126489.123456")
    ] * 5


def test_imported_history_may_not_know_mode_and_status_and_may_come_again(
    keyed: TestClient, database: TestDatabase
) -> None:
    key = database.issue_api_key("acme", "import", "read")
    batch = [
        {"id": str(uuid_v7()), "agent_id": "old", "created_at": f"20{year}-01-01 00:00:00+01:00"} for year in (10, 11)
    ]
    for _ in range(2):
        assert send(keyed, lines(batch), api_key=key).status_code == 201
    found = records(keyed, api_key=key)
    assert [(item["id"], item["mode"], item["created_at"]) for item in found] == [
        (batch[0]["id"], None, "2009-12-31T23:00:00.000000Z"),
        (batch[1]["id"], None, "2010-12-31T23:00:00.000000Z"),
    ]

    changed = [batch[0], batch[1] | {"created_at": "2011-01-02T00:00:00Z"}]
    problem = assert_problem(send(keyed, lines(changed), api_key=key), 422, "invalid-request", "id")
    assert problem["errors"][0]["line"] == 2
    assert len(stored(database)) == 2


@pytest.mark.parametrize(
    ("time", "accepted"),
    [
        ("1970-01-01T00:00:00Z", True),
        ("2024-02-29T23:59:59.5+14:00", True),
        ("2024-02-29T23:59:59.123456000Z", True),
        ("9999-12-31T23:59:59.999999Z", True),
        ("9999-12-31T23:59:59-00:01", False),
        ("0001-01-01T00:00:00+14:00", False),
        ("1969-12-31T23:59:59Z", False),
        ("2023-02-29T00:00:00Z", False),
        ("2023-01-01T00:00:00", False),
        ("2023-01-01", False),
        ("now", False),
        ("infinity", False),
        ("2023-01-01T00:00:00+15:30", False),
        ("2023-01-01T00:00:00.1234567Z", False),
        ("\u0662023-01-01T00:00:00Z", False),
    ],
)
def test_a_time_that_can_be_read_in_one_way_is_kept_and_any_other_refused(
    keyed: TestClient, database: TestDatabase, time: str, accepted: bool
) -> None:
    key = database.issue_api_key("acme", "import")
    answer = send(keyed, lines([record(created_at=THEN), record(created_at=time)]), api_key=key)
    if accepted:
        assert answer.status_code == 201, answer.text
    else:
        assert assert_problem(answer, 422, "invalid-request", "created_at")["errors"][0]["line"] == 2
        assert stored(database) == []


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2023-01-01T00:00:00.123456789Z", "six digits"),
        ("1969-12-31T23:59:59Z", "before 1970"),
        ("1970-01-01T00:00:00+00:01", "before 1970"),
        ("0001-01-01T00:00:00+14:00", "before 1970"),
        ("9999-12-31T23:59:59-14:00", "after the year 9999"),
        ("2016-12-31T23:59:60Z", "an ISO 8601 date and time with a zone is needed"),
        ("2016-12-31T24:00:00Z", "an ISO 8601 date and time with a zone is needed"),
    ],
)
def test_a_refused_time_is_told_what_is_wrong_with_it(
    keyed: TestClient, database: TestDatabase, time: str, words: str
) -> None:
    key = database.issue_api_key("acme", "import")
    problem = assert_problem(
        send_json(keyed, record(created_at=time), api_key=key), 422, "invalid-request", "created_at"
    )
    assert words in problem["errors"][0]["detail"]
    assert send_json(keyed, record(created_at=THEN), api_key=key).status_code == 201


def test_times_stand_in_every_record_or_in_none(keyed: TestClient, database: TestDatabase) -> None:
    key = database.issue_api_key("acme", "import", "write")
    for batch in ([record(created_at=THEN), record()], [record(), record(created_at=THEN)]):
        answer = send(keyed, lines(batch), api_key=key)
        assert assert_problem(answer, 422, "invalid-request", "created_at")["errors"][0]["line"] == 2
    assert stored(database) == []


@pytest.mark.parametrize("store", ["header", "jsonl"], indirect=True, scope="session")
def test_without_a_key_no_time_is_kept(client: TestClient) -> None:
    assert send(client, lines([record()])).status_code == 201
    assert_problem(send(client, lines([record(created_at=THEN)])), 403, "scope-missing")
    assert_problem(send_json(client, record(created_at=THEN)), 403, "scope-missing")
    assert len(records(client)) == 1


def test_an_id_of_another_record_is_named_whoever_it_belongs_to(keyed: TestClient, database: TestDatabase) -> None:
    acme, globex = database.issue_api_key("acme"), database.issue_api_key("globex")
    taken = str(uuid_v7())
    assert send_json(keyed, record(id=taken), tenant="globex", api_key=globex).status_code == 201

    answer = send(keyed, lines([record(), record(id=taken)]), api_key=acme)

    problem = assert_problem(answer, 422, "invalid-request", "id")
    assert problem["errors"] == [{"field": "id", "detail": "the id belongs to another record", "line": 2}]
    assert len(stored(database)) == 1

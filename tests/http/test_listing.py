"""GET /api/v1/audit/logs: filters, the time window, the order, and what is refused."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.calls import assert_problem, execute, page, records

LOGS = "/api/v1/audit/logs"


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def test_a_tenant_without_records_has_one_empty_page(client: TestClient) -> None:
    empty = {"count": 0, "items": [], "next_cursor": None, "previous_cursor": None, "has_more": False}
    assert page(client) == empty


def test_the_newest_record_comes_first_unless_the_oldest_is_asked_for(client: TestClient) -> None:
    stored = [execute(client).json()["id"] for _ in range(3)]

    assert ids(page(client)["items"]) == stored[::-1]
    assert ids(page(client, order="desc")["items"]) == stored[::-1]
    assert ids(page(client, order="asc")["items"]) == stored


def test_a_page_has_50_records_unless_another_limit_is_asked_for(client: TestClient) -> None:
    for _ in range(51):
        execute(client)

    found = page(client)
    assert (found["count"], len(found["items"]), found["has_more"]) == (50, 50, True)
    assert page(client, limit=1)["count"] == 1
    found = page(client, limit=1000)
    assert (found["count"], found["has_more"], found["next_cursor"]) == (51, False, None)
    found = page(client, limit=51)
    assert (found["count"], found["has_more"], found["next_cursor"]) == (51, False, None)


def test_every_filter_finds_the_records_that_equal_it_and_no_others(client: TestClient) -> None:
    first = execute(client, agent="one", user_id="u-1").json()
    second = execute(client, agent="two", user_id="u-2").json()
    execute(client, agent="two", user_id="u-1", mode="LIVE")
    third = records(client)[-1]

    assert ids(records(client, agent_id="two")) == [second["id"], third["id"]]
    assert ids(records(client, user_id="u-1")) == [first["id"], third["id"]]
    assert ids(records(client, trace_id=second["trace_id"])) == [second["id"]]
    assert ids(records(client, mode="LIVE")) == ids(records(client, status="denied")) == [third["id"]]
    assert ids(records(client, mode="DRY_RUN")) == ids(records(client, status="success"))
    assert ids(records(client, agent_id="two", user_id="u-1")) == [third["id"]]
    assert records(client, http_status=200) == []
    for name in ("agent_id", "user_id", "trace_id"):
        for value in ("", "O", "one%", "*", "' OR 1=1 --", "x" * 5000):
            assert records(client, **{name: value}) == []


def test_the_time_window_includes_its_start_and_excludes_its_end(client: TestClient) -> None:
    for _ in range(3):
        execute(client)
    first, second, third = records(client)

    assert ids(records(client, start_time=second["created_at"])) == ids([second, third])
    assert ids(records(client, end_time=second["created_at"])) == ids([first])
    assert ids(records(client, start_time=first["created_at"], end_time=third["created_at"])) == ids([first, second])
    assert records(client, start_time=third["created_at"], end_time=first["created_at"]) == []


def test_a_time_may_be_given_in_any_zone(client: TestClient) -> None:
    execute(client)
    (record,) = records(client)
    instant = datetime.fromisoformat(record["created_at"])

    for hours in (-12, 0, 5.5, 14):
        there = instant.astimezone(timezone(timedelta(hours=hours)))
        assert ids(records(client, start_time=there.isoformat())) == [record["id"]]
        assert records(client, end_time=there.isoformat()) == []


def test_a_record_carries_the_time_of_its_writing_in_utc_with_microseconds(client: TestClient) -> None:
    before = datetime.now(UTC)
    execute(client)
    after = datetime.now(UTC)

    text = records(client)[0]["created_at"]
    assert len(text) == len("2026-01-01T00:00:00.000000Z")
    assert text.endswith("Z")
    assert before <= datetime.fromisoformat(text) <= after


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "1767225600",
        "0",
        "now",
        "yesterday",
        "infinity",
        "",
        "2026-13-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z; DROP TABLE audit_logs",
    ],
)
@pytest.mark.parametrize("name", ["start_time", "end_time"])
def test_a_time_without_a_zone_or_a_date_is_refused(client: TestClient, name: str, text: str) -> None:
    answer = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params={name: text})

    assert_problem(answer, 422, "invalid-request", name)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"])
def test_the_farthest_times_are_answered(client: TestClient, text: str) -> None:
    execute(client)

    assert len(records(client, start_time=text)) + len(records(client, end_time=text)) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "1001"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "1.5"),
        ("order", "up"),
        ("order", ""),
        ("order", "DESC"),
        ("mode", "live"),
        ("mode", ""),
        ("status", "ok"),
        ("status", ""),
        ("http_status", "ok"),
        ("cursor", ""),
        ("cursor", "next"),
        ("cursor", "1-00000000000000000000000000000000-0000000000000000"),
        ("cursor", "999999999999999999-ffffffffffffffffffffffffffffffff-ffffffffffffffff"),
        ("offset", "10"),
        ("tenant", "globex"),
        ("Limit", "10"),
    ],
)
def test_a_parameter_that_is_unknown_or_cannot_be_meant_is_refused(client: TestClient, name: str, value: str) -> None:
    answer = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params={name: value})

    assert_problem(answer, 422, "invalid-request", name)


@pytest.mark.parametrize("name", ["limit", "http_status"])
@pytest.mark.parametrize("value", [str(2**31), str(-(2**31) - 1), str(2**63), "9" * 30, "9" * 5000])
def test_a_number_of_any_size_is_the_callers_error(client: TestClient, name: str, value: str) -> None:
    answer = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params={name: value})

    assert_problem(answer, 422, "invalid-request", *[error["field"] for error in answer.json()["errors"]])


@pytest.mark.parametrize("name", ["agent_id", "trace_id", "user_id", "cursor", "mode", "status", "order"])
def test_a_nul_is_the_callers_error(client: TestClient, name: str) -> None:
    answer = client.get(f"{LOGS}?{name}=a%00b", headers={"X-Tenant-ID": "acme"})

    assert answer.status_code == 422, answer.text


def test_a_cursor_belongs_to_its_list_alone(client: TestClient) -> None:
    for tenant in ("acme", "acme", "acme", "globex", "globex"):
        execute(client, tenant, agent="one", user_id="u-1")
    cursor = page(client, "acme", limit=1)["next_cursor"]
    assert page(client, "acme", limit=2, cursor=cursor)["count"] == 2  # the limit may change

    for tenant, query in [
        ("globex", {}),
        ("acme", {"order": "asc"}),
        ("acme", {"agent_id": "one"}),
        ("acme", {"user_id": "u-1"}),
        ("acme", {"mode": "DRY_RUN"}),
        ("acme", {"status": "success"}),
        ("acme", {"http_status": "200"}),
        ("acme", {"trace_id": "t"}),
        ("acme", {"start_time": "2020-01-01T00:00:00Z"}),
        ("acme", {"end_time": "2099-01-01T00:00:00Z"}),
    ]:
        answer = client.get(LOGS, headers={"X-Tenant-ID": tenant}, params={"cursor": cursor, **query})
        assert_problem(answer, 422, "invalid-request", "cursor")


def test_a_cursor_that_was_changed_is_refused(client: TestClient) -> None:
    for _ in range(2):
        execute(client)
    cursor = page(client, limit=1)["next_cursor"]

    for changed in (cursor[:-1], cursor + "0", "9" + cursor, cursor.upper(), f" {cursor}", cursor.replace("-", "_")):
        answer = client.get(LOGS, headers={"X-Tenant-ID": "acme"}, params={"cursor": changed})
        assert_problem(answer, 422, "invalid-request", "cursor")


def test_a_cursor_may_be_used_again(client: TestClient) -> None:
    for _ in range(3):
        execute(client)
    cursor = page(client, limit=1)["next_cursor"]

    assert page(client, cursor=cursor) == page(client, cursor=cursor)


@pytest.mark.parametrize("backend", ["serve", "serve_file"])
def test_a_previous_cursor_belongs_to_its_list_in_the_other_order(request: pytest.FixtureRequest, backend: str) -> None:
    client: TestClient = request.getfixturevalue(backend)()
    for agent in ("one", "two", "one"):
        execute(client, agent=agent)
    second = page(client, limit=1, cursor=page(client, limit=1)["next_cursor"])
    cursor = second["previous_cursor"]
    assert ids(page(client, order="asc", cursor=cursor)["items"]) == ids(page(client, limit=1)["items"])

    for tenant, query in [
        ("acme", {}),
        ("acme", {"order": "asc", "agent_id": "one"}),
        ("acme", {"order": "asc", "start_time": "2020-01-01T00:00:00Z"}),
        ("globex", {"order": "asc"}),
    ]:
        answer = client.get(LOGS, headers={"X-Tenant-ID": tenant}, params={"cursor": cursor, **query})
        assert_problem(answer, 422, "invalid-request", "cursor")


@pytest.mark.parametrize(
    "backend",
    [
        "serve",
        "serve_file",
    ],
)
def test_a_cursor_says_the_same_instant_in_any_zone(request: pytest.FixtureRequest, backend: str) -> None:
    client: TestClient = request.getfixturevalue(backend)()
    for _ in range(3):
        execute(client)
    cursor = page(client, limit=1, start_time="2020-01-01T00:00:00Z")["next_cursor"]

    assert page(client, cursor=cursor, start_time="2020-01-01T02:00:00+02:00")["count"] == 2

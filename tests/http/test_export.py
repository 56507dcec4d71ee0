"""GET /api/v1/audit/logs/export: what is in an export, in which form, and how a complete one is told."""

import codecs
import csv
import gzip
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.model.strict_json import dump
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, execute, records

EXPORT = "/api/v1/audit/logs/export"
in_database = pytest.mark.parametrize("store", ["api_key", "header"], indirect=True, scope="session")
PLAIN = {"Accept-Encoding": "identity"}
TEXTS = ['"quoted"', "back\\slash\\n", "two\r\nlines", "comma, semicolon;", "Grüße 😀", "a\tb", "'", "</script>", "\\."]


def export(client: TestClient, tenant: str = "acme", api_key: str | None = None, **query: Any) -> Any:
    """Return the answer, which is an export."""
    headers = {"X-Tenant-ID": tenant} | PLAIN | (bearer(api_key) if api_key else {})
    answer = client.get(EXPORT, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer


def exported(
    client: TestClient, tenant: str = "acme", api_key: str | None = None, **query: Any
) -> list[dict[str, Any]]:
    """Return the records of a complete NDJSON export."""
    *items, mark = [json.loads(line) for line in export(client, tenant, api_key, **query).text.split("\n")[:-1]]
    assert mark == {"complete": True, "count": len(items)}
    return items


def cells(client: TestClient, **query: Any) -> list[list[str]]:
    """Return the records of a complete CSV export, without its header."""
    text = export(client, format="csv", **query).content.decode()
    header, *items, mark = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert header[0] == "id"
    assert mark == ["#complete", str(len(items)), *[""] * 12]
    assert {len(item) for item in items} <= {len(header)}
    return items


@in_database
def test_an_export_has_every_record_of_the_tenant_as_the_list_shows_it(client: TestClient) -> None:
    for number in range(3):
        execute(client, agent=f"agent-{number}", user_id="jane")
    execute(client, "globex")
    execute(client, mode="LIVE")

    assert exported(client) == records(client)[::-1]
    assert exported(client, order="desc") == records(client)[::-1]
    assert exported(client, order="asc") == records(client)
    assert exported(client, "globex") == records(client, "globex")
    assert [list(item) for item in exported(client)] == [list(item) for item in records(client)]


@in_database
def test_an_export_without_records_says_that_it_is_complete(client: TestClient) -> None:
    assert export(client).text == '{"complete": true, "count": 0}\n'
    assert export(client, format="csv").text.split("\r\n")[1:] == ["#complete,0,,,,,,,,,,,,", ""]


@in_database
@pytest.mark.parametrize("text", TEXTS)
def test_any_text_comes_out_as_it_went_in(client: TestClient, text: str) -> None:
    execute(client, user_id=text)

    assert [item["user_id"] for item in exported(client)] == [text]
    assert [item[8] for item in cells(client)] == [text]


@in_database
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'])
def test_a_cell_that_a_spreadsheet_would_calculate_begins_with_an_apostrophe(client: TestClient, text: str) -> None:
    execute(client, user_id=text)

    assert [item[8] for item in cells(client)] == ["'" + text]
    assert [item["user_id"] for item in exported(client)] == [text]


@in_database
def test_csv_holds_what_ndjson_holds(client: TestClient) -> None:
    for number in range(3):
        execute(client, agent=f"agent-{number}", mode="LIVE", user_id="jane")

    def cell(value: Any) -> str:
        return "" if value is None else dump(value) if isinstance(value, dict) else str(value)

    assert cells(client) == [[cell(value) for value in item.values()] for item in exported(client)]


@in_database
def test_the_filters_are_those_of_the_list(client: TestClient) -> None:
    for agent, user in (("one", "u-1"), ("two", "u-2"), ("two", "u-1")):
        execute(client, agent=agent, user_id=user)
    execute(client, mode="LIVE")
    first, second, third, denied = records(client)

    for query in (
        {"agent_id": "two"},
        {"user_id": "u-1"},
        {"trace_id": second["trace_id"]},
        {"mode": "LIVE"},
        {"status": "denied"},
        {"http_status": 200},
        {"agent_id": "two", "user_id": "u-1"},
        {"start_time": second["created_at"]},
        {"end_time": second["created_at"]},
        {"start_time": first["created_at"], "end_time": third["created_at"]},
    ):
        assert exported(client, order="asc", **query) == records(client, **query)
    assert exported(client, mode="LIVE") == [denied]


@in_database
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "xml"),
        ("format", ""),
        ("format", "CSV"),
        ("order", "up"),
        ("mode", "live"),
        ("status", "ok"),
        ("http_status", "ok"),
        ("user_id", "a\0"),
        ("start_time", "2026-01-01"),
        ("limit", "10"),
        ("cursor", "x"),
        ("tenant", "globex"),
    ],
)
def test_a_parameter_that_is_unknown_or_cannot_be_meant_is_refused(client: TestClient, name: str, value: str) -> None:
    answer = client.get(EXPORT, headers={"X-Tenant-ID": "acme"}, params={name: value})

    assert_problem(answer, 422, "invalid-request", name)


@in_database
def test_a_parameter_that_stands_twice_is_refused(client: TestClient) -> None:
    answer = client.get(f"{EXPORT}?format=csv&format=ndjson", headers={"X-Tenant-ID": "acme"})

    assert_problem(answer, 422, "invalid-request", "format")


@in_database
def test_an_export_names_its_form_and_is_kept_by_no_cache(client: TestClient) -> None:
    for form, media_type in (("ndjson", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8; header=present")):
        headers = export(client, format=form).headers
        assert headers["content-type"] == media_type
        assert headers["cache-control"] == "no-store"
        assert "content-length" not in headers


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_an_export_is_compressed_when_that_is_asked_for(serve: Serve, asked: str, given: bool) -> None:
    client = serve()
    execute(client)
    with client.stream("GET", EXPORT, headers={"X-Tenant-ID": "acme", "Accept-Encoding": asked}) as answer:
        body = b"".join(answer.iter_raw())

    assert answer.headers.get("content-encoding") == ("gzip" if given else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert (gzip.decompress(body) if given else body) == export(client).content


@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_an_export_is_on_record_and_one_that_is_refused_is_not(serve: Serve, database: TestDatabase, role: str) -> None:
    client = serve(database_url=database.url(role))
    key = database.issue_api_key("acme")
    headers = {"X-Tenant-ID": "acme"} | bearer(key)
    assert client.get(EXPORT, headers=headers, params={"format": "xml"}).status_code == 422
    assert client.get(EXPORT, headers=headers, params={"format": "csv"}).status_code == 200
    export(client, api_key=key, user_id="jane")

    events = client.get("/api/v1/audit/admin-events", headers=headers).json()["items"]
    public_id = key.split("_")[1] if role == "audit_app" else None
    assert [(event["api_key_id"], event["actor"]) for event in events if event["act"] == "records exported"] == [
        (public_id, role),
        (public_id, role),
    ]
    assert "jane" not in str(events)


def test_a_key_exports_what_it_may_read(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_url=database.url("audit_app"))
    keys = {scope: database.issue_api_key("acme", scope) for scope in ("read", "write")}
    execute(client, api_key=keys["write"])

    assert len(exported(client, api_key=keys["read"])) == 1
    assert exported(client, "globex", database.issue_api_key("globex")) == []
    for key, status, kind in (
        (keys["write"], 403, "scope-missing"),
        (database.issue_api_key("globex"), 403, "tenant-mismatch"),
        (f"rf_{'0' * 16}_{'0' * 64}", 401, "unauthenticated"),
    ):
        assert_problem(client.get(EXPORT, headers=bearer(key) | {"X-Tenant-ID": "acme"}), status, kind)
    assert_problem(client.get(EXPORT), 401, "unauthenticated")


def test_a_file_has_no_export_and_says_what_to_do(serve: Serve, serve_file: Serve) -> None:
    in_database, in_file = serve(), serve_file()
    for query in ({}, {"format": "csv"}, {"order": "asc", "user_id": "jane"}):
        assert export(in_database, **query).status_code == 200
        answer = in_file.get(EXPORT, headers={"X-Tenant-ID": "acme"}, params=query)
        assert "jq" in assert_problem(answer, 501, "export-unavailable")["detail"]
    assert_problem(in_file.get(EXPORT), 400, "tenant-missing")
    assert_problem(in_file.get(EXPORT, headers={"X-Tenant-ID": "Acme"}), 403, "tenant-unknown")
    assert_problem(in_file.get(f"{EXPORT}?limit=1", headers={"X-Tenant-ID": "acme"}), 422, "invalid-request", "limit")


@in_database
def test_csv_begins_with_a_byte_order_mark_on_request(client: TestClient) -> None:
    execute(client, user_id="Grüße")
    plain = export(client, format="csv").content

    assert not plain.startswith(codecs.BOM_UTF8)
    assert export(client, format="csv", bom="false").content == plain
    assert export(client, format="csv", bom="true").content == codecs.BOM_UTF8 + plain
    assert "Grüße" in export(client, format="csv", bom="true").content.decode("utf-8-sig")


@in_database
def test_a_compressed_csv_begins_with_a_byte_order_mark_too(client: TestClient) -> None:
    execute(client)
    headers = {"X-Tenant-ID": "acme", "Accept-Encoding": "gzip"}
    answer = client.get(EXPORT, headers=headers, params={"format": "csv", "bom": "true"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content.startswith(codecs.BOM_UTF8 + b"id,")


@in_database
@pytest.mark.parametrize(
    "query",
    ["bom=true", "format=ndjson&bom=true", *(f"format=csv&bom={word}" for word in ("1", "True", "yes", "", "on"))],
)
def test_a_byte_order_mark_is_for_csv_alone_and_true_or_false(client: TestClient, query: str) -> None:
    assert_problem(client.get(f"{EXPORT}?{query}", headers={"X-Tenant-ID": "acme"}), 422, "invalid-request", "bom")
    assert client.get(f"{EXPORT}?bom=false", headers={"X-Tenant-ID": "acme"}).status_code == 200


@in_database
@pytest.mark.parametrize("form", ["ndjson", "csv"])
@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_the_files_name_has_the_tenant_and_the_time(client: TestClient, tenant: str, form: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    disposition = export(client, tenant, format=form).headers["content-disposition"]

    name = re.fullmatch(
        rf'attachment; filename="audit-logs_{tenant}_(\d{{4}}-\d\d-\d\dT\d{{6}}Z)\.{form}"', disposition
    )
    assert name
    assert before <= datetime.strptime(name[1], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC) <= datetime.now(UTC)

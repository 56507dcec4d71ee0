"""Lists and exports, as iterators."""

import json
from datetime import datetime, timedelta, timezone

import httpx
import pytest
from conftest import Service, Tenant

import ringfence
from ringfence._reading import ExportedRecords, ExportTail
from ringfence._wire import stored_for


def test_a_list_goes_over_all_pages_in_order(audit: ringfence.Client) -> None:
    written = [audit.enqueue("kyc", status="success") for _ in range(1100)]
    audit.flush()

    assert sorted(record.id for record in audit.logs()) == sorted(written)
    assert len({record.id for record in audit.logs(order="asc")}) == 1100


def test_filters_find_what_equals_them(audit: ringfence.Client, tenant: Tenant) -> None:
    audit.record("kyc", status="success", user="jane", trace_id="t", http_status=200, context={"event": "check"})
    audit.record("loan", status="denied", mode="DRY_RUN", user="john", error="over the limit")

    (record,) = audit.logs(agent="kyc", user="jane", trace_id="t", status="success", context={"event": "check"})
    assert (record.agent_id, record.user_id, record.tenant_id) == ("kyc", "jane", tenant.id)
    assert record.context == {"event": "check"}
    assert record.created_at.tzinfo is not None
    assert [one.error for one in audit.logs(mode="DRY_RUN")] == ["over the limit"]
    now = datetime.now(timezone.utc)
    assert list(audit.logs(start_time=now + timedelta(hours=1))) == []
    assert len(list(audit.logs(start_time=now - timedelta(hours=1), end_time=now + timedelta(hours=1)))) == 2


def test_a_time_without_a_zone_is_refused(audit: ringfence.Client) -> None:
    with pytest.raises(ValueError, match="zone"):
        list(audit.logs(start_time=datetime(2026, 1, 1)))


def test_a_filter_that_breaks_a_rule_is_a_problem_with_its_field(audit: ringfence.Client) -> None:
    with pytest.raises(ringfence.InvalidRequest) as refusal:
        list(audit.logs(context={"prompt": "who"}))

    assert refusal.value.type == "urn:ringfence:problem:invalid-request"
    assert refusal.value.errors[0]["field"] == "context.prompt"


def test_an_export_has_every_record(audit: ringfence.Client) -> None:
    written = [audit.enqueue("kyc", status="success", user="jane") for _ in range(1100)]
    audit.record("kyc", status="success", user="john")
    audit.flush()

    assert sorted(record.id for record in audit.export(user="jane")) == sorted(written)


def test_a_text_may_hold_what_ends_a_line_elsewhere(audit: ringfence.Client) -> None:
    error = "a\u2028b\u2029c\x85d\ve\x1cf"
    audit.record("kyc", status="error", error=error)

    assert [record.error for record in audit.export()] == [error]


def test_a_line_may_come_in_pieces() -> None:
    records = ExportedRecords()
    text = RECORD.replace('"x"', '"\u00e9"', 1).encode() + b'\n{"complete": true, "count": 1}\n'
    found = [record for byte in text for record in records.read(bytes([byte]))]

    records.check()
    assert len(found) == 1


def test_an_export_comes_as_a_file_too(audit: ringfence.Client) -> None:
    id_ = audit.record("kyc", status="success")

    assert f"#complete,1,".encode() in b"".join(audit.export_bytes("csv"))  # noqa: F541
    first, last = b"".join(audit.export_bytes("ndjson")).splitlines()
    assert json.loads(first)["id"] == id_
    assert json.loads(last) == {"complete": True, "count": 1}


def test_an_export_of_a_stopped_service_says_so(audit: ringfence.Client, service: Service) -> None:
    service.kill()
    with pytest.raises(ringfence.Unavailable):
        list(audit.export())


RECORD = json.dumps(dict.fromkeys(("id", "tenant_id", "agent_id"), "x") | {"created_at": "2026-11-22T20:36:00.158214Z"})


@pytest.mark.parametrize("last", [[], ['{"complete": true, "count": 2}'], ['{"complete": false, "count": 1}']])
def test_an_export_without_its_last_line_is_incomplete(last: list[str]) -> None:
    whole, cut = ExportedRecords(), ExportedRecords()
    for line in (RECORD, '{"complete": true, "count": 1}'):
        list(whole.read(line.encode() + b"\n"))
    for line in (RECORD, *last):
        list(cut.read(line.encode() + b"\n"))

    whole.check()
    with pytest.raises(ringfence.ExportIncomplete):
        cut.check()


@pytest.mark.parametrize("text", [b"a,b\n#complete,1,,\r\n", b'{}\n{"complete":true,"records":1}\n'])
def test_a_file_without_its_last_line_is_incomplete(text: bytes) -> None:
    whole, cut = ExportTail(), ExportTail()
    whole.read(text)
    cut.read(text[: text.index(b"\n") + 1])

    whole.check()
    with pytest.raises(ringfence.ExportIncomplete):
        cut.check()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (201, b"<html>"),
        (201, b"{}"),
        (201, b'{"tenant_id": "acme", "count": 2}'),
        (302, b""),
        (403, b""),
    ],
)
def test_the_page_of_a_proxy_is_no_acknowledgement(status: int, body: bytes) -> None:
    request = httpx.Request("POST", "https://ringfence.example/api/v1/audit/logs")
    with pytest.raises(ringfence.NotTheService, match=r"https://ringfence\.example/api/v1/audit/logs"):
        stored_for(httpx.Response(status, content=body, request=request), 1)
    assert stored_for(httpx.Response(201, json={"tenant_id": "acme", "count": 1, "id": None}), 1) == "acme"

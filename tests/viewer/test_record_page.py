"""One execution: its sentence, its trace, its outcome, its proof, and nothing of another tenant."""

from typing import Any

from app.model.uuid_v7 import uuid_v7
from tests.support.bulk_calls import record, send_json
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.sealing import sealed_and_signed
from tests.viewer.visits import Auditor, Page, parsed

UNKNOWN = "Unknown whether it acted."


def timeline(page: Page) -> list[str]:
    """Return the lines of a record's timeline."""
    listed = page.text.split("Timeline of the trace")[1].split("What is recorded")[0]
    return [" ".join(line.split()) for line in listed.split("\n") if line.strip()]


def test_a_record_says_in_one_sentence_who_did_what_and_how_it_ended(auditor: Auditor) -> None:
    for stored, told in (
        (record(user_id="jane"), "jane called scoring and it succeeded."),
        (record(), "Somebody who is not named called scoring and it succeeded."),
        (record(user_id="jane", mode="DRY_RUN"), "jane made a dry run of scoring and it succeeded."),
        (record(user_id="jane", status="started"), "jane called scoring and had not ended when this was recorded."),
        (
            record(user_id="jane", status="error", http_status=502, latency_ms=1234, error="bad gateway"),
            "jane called scoring and it failed with HTTP 502 after 1,234 ms: bad gateway.",
        ),
        (
            record(user_id="jane", status="denied", error="LIVE is disabled"),
            "jane asked for scoring and was refused: LIVE is disabled.",
        ),
        (
            record(user_id="jane", context={"event": "approved", "resource": "loan 7"}),
            "jane did approved on loan 7 through scoring and it succeeded.",
        ),
        (
            record(user_id="jane", mode="DRY_RUN", context={"event": "payment"}),
            "jane made a dry run of payment through scoring and it succeeded.",
        ),
        (
            record(user_id="jane", status="denied", context={"event": "payment"}),
            "jane asked for payment through scoring and was refused.",
        ),
    ):
        auditor.database.execute("TRUNCATE audit.audit_logs")
        (record_id,) = auditor.write(stored)
        page = auditor.page(f"records/{record_id}")
        assert told in " ".join(page.text.split())
        assert told.removesuffix(".") in " ".join(auditor.page("records").text.split())


def test_a_record_without_mode_and_status_is_shown_as_one(auditor: Auditor) -> None:
    """Imported history may have neither."""
    auditor.write(record(user_id="jane"))
    auditor.database.execute(
        "UPDATE audit.audit_logs SET mode = NULL, status = NULL, recorded_at = NULL, api_key_id = NULL"
    )
    (record_id,) = auditor.write()
    page = auditor.page(f"records/{record_id}")
    assert "jane used scoring and how it ended is not recorded." in " ".join(page.text.split())
    assert "not known" in page.text
    assert "jane used scoring" in " ".join(auditor.page("records", columns="mode,recorded_at,api_key_id").text.split())


def test_the_records_of_its_trace_are_on_a_timeline(auditor: Auditor) -> None:
    ids = auditor.write(
        record(trace_id="t", status="started"), record(trace_id="t", latency_ms=80), record(trace_id="other")
    )
    for number, record_id in enumerate(ids[:2]):
        auditor.database.execute(
            "UPDATE audit.audit_logs SET created_at = '2026-01-01T00:00:00Z'::timestamptz + %s WHERE id = %s",
            f"{number * 1500} ms",
            record_id,
        )
    page = auditor.page(f"records/{ids[1]}")
    first, second = timeline(page)
    assert first.startswith("+0 ms … started")
    assert second.startswith("+1,500 ms ✓ success")
    assert ["(this record)" in line for line in (first, second)] == [False, True]
    assert len(page.all("li", **{"aria-current": "true"})) == 1
    assert UNKNOWN not in page.text


def test_a_record_without_a_trace_stands_alone(auditor: Auditor) -> None:
    ids = auditor.write(record(status="started"), record(), record(trace_id="None"))
    page = auditor.page(f"records/{ids[0]}")
    assert len(timeline(page)) == 1
    assert UNKNOWN in page.text
    assert [link for link in auditor.page("records").links() if "trace_id=" in link] == ["records?trace_id=None"]


def test_a_long_trace_shows_its_first_records_and_leads_to_the_others(auditor: Auditor) -> None:
    ids = auditor.write(*(record(trace_id="a&b") for _ in range(101)))
    page = auditor.page(f"records/{ids[-1]}")
    assert len(page.all("li")) == 100
    assert "../records?trace_id=a%26b" in page.links()
    assert len(auditor.page(f"records/{auditor.write(record(trace_id='c'))[-1]}").all("li")) == 1


def test_whether_an_agent_acted_is_unknown_only_without_an_outcome(auditor: Auditor) -> None:
    def is_unknown(*others: dict[str, Any], **shown: Any) -> bool:
        auditor.database.execute("TRUNCATE audit.audit_logs")
        record_id = str(uuid_v7())
        auditor.write(record(id=record_id, trace_id="t", status="started", **shown), *others)
        return UNKNOWN in auditor.page(f"records/{record_id}").text

    assert is_unknown()
    assert is_unknown(record(trace_id="t", agent_id="another"))
    assert is_unknown(record(trace_id="another"))
    assert is_unknown(record(trace_id="t", status="denied"))
    assert is_unknown(record(trace_id="t", status="started"), record(trace_id="t"))
    assert is_unknown(record(trace_id="t", mode="DRY_RUN"))
    assert not is_unknown(record(trace_id="t"))
    assert not is_unknown(record(trace_id="t"), record(trace_id="t", status="started"))
    assert not is_unknown(record(trace_id="t", status="error"))
    assert not is_unknown(mode="DRY_RUN")


def test_another_tenants_record_is_shown_as_one_that_nobody_wrote(auditor: Auditor) -> None:
    (own,) = auditor.write(record())
    key = auditor.database.issue_api_key("globex")
    theirs = str(send_json(auditor.client, record(trace_id="secret"), tenant="globex", api_key=key).json()["id"])
    sealed_and_signed(auditor.database)
    sealed_and_signed(auditor.database, "globex")
    unwritten = str(uuid_v7())
    for what in ("", "/leaf", "/proof"):
        assert auditor.get(f"records/{own}{what}").status_code == 200
        told = []
        for record_id in (theirs, unwritten):
            answer = auditor.get(f"records/{record_id}{what}")
            assert answer.status_code == 404
            told.append(answer.text)
        assert told[0] == told[1]
        assert "secret" not in told[0]
    assert theirs not in auditor.get("records").text
    assert "No record matches." in auditor.page("records", trace_id="secret").text
    answer = auditor.client.get(f"/api/v1/audit/logs/{theirs}", headers=bearer(key))
    assert answer.status_code == 200


def test_leaf_and_proof_are_those_of_the_api(auditor: Auditor) -> None:
    (record_id,) = auditor.write(record(user_id="jane"))
    unsigned = auditor.get(f"records/{record_id}/proof")
    assert (unsigned.status_code, unsigned.headers["content-type"]) == (409, "text/html; charset=utf-8")
    sealed_and_signed(auditor.database)
    for what in ("leaf", "proof"):
        own = auditor.client.get(f"/api/v1/audit/logs/{record_id}/{what}", headers=bearer(auditor.key))
        assert own.status_code == 200
        assert auditor.get(f"records/{record_id}/{what}").content == own.content


def test_ids_in_capitals_lead_to_the_record_and_others_are_refused(auditor: Auditor) -> None:
    (record_id,) = auditor.write(record())
    assert auditor.get(f"records/{record_id.upper()}").status_code == 200
    for wrong in ("x", record_id[:-1], f"{record_id}0", "%00", "%ff", "..%2f..", f"{{{record_id}}}"):
        answer = auditor.get(f"records/{wrong}")
        assert answer.status_code in (404, 422), wrong
    assert auditor.get(f"records/{record_id}?nothing=1").status_code == 422
    assert auditor.get(f"records/{record_id}?zone=Europe/Paris").status_code == 200


def test_the_page_of_events_shows_those_of_the_tenant_and_filters_them(auditor: Auditor) -> None:
    auditor.database.issue_api_key("globex")
    assert auditor.get("records/export").status_code == 200

    def events_once_the_reading_is_noted() -> Any:
        found = auditor.client.get("/api/v1/audit/admin-events", headers=bearer(auditor.key)).json()["items"]
        return "records read" in [event["act"] for event in found] and found

    events = eventually(events_once_the_reading_is_noted)
    page = auditor.page("events")
    assert len(page.all("tr")) == len(events) + 1
    assert "globex" not in page.text
    assert len(auditor.page("events", act="records exported").all("tr")) == 2
    assert "No event matches." in auditor.page("events", act="epoch begun").text
    assert auditor.get("events?act=").headers["location"] == "events?"


def test_events_are_paged(auditor: Auditor) -> None:
    for _ in range(120):
        auditor.database.issue_api_key("acme")
    page = auditor.page("events", act="api key issued")
    assert len(page.all("tr")) == 101
    (older,) = page.links(rel="next")
    rest = auditor.page(older)
    assert len(rest.all("tr")) == 22
    assert not rest.links(rel="next")
    assert parsed(auditor.get("events?act=api+key+issued").text).skeleton() == page.skeleton()


def test_an_outcome_before_the_call_is_none_of_it(auditor: Auditor) -> None:
    *_, started = auditor.write(record(trace_id="t"), record(trace_id="t", status="started"))
    assert UNKNOWN in auditor.page(f"records/{started}").text


def test_of_a_trace_that_is_too_long_it_is_said_that_nothing_was_judged(auditor: Auditor) -> None:
    started, *_ = auditor.write(
        record(trace_id="t", status="started"), *(record(trace_id="t", agent_id="b") for _ in range(110))
    )
    text = auditor.page(f"records/{started}").text
    assert UNKNOWN not in text
    assert "is not judged here" in text

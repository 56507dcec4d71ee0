"""The list's filters, time zones and columns: what an address shows, and which address a form leads to."""

import json
import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx

from tests.support.bulk_calls import record
from tests.support.calls import bearer
from tests.viewer.visits import Auditor, parameters, shown_ids

SHORT = {"order": "asc", "limit": "2"}
UNTICKED = {"from": "", "to": "", "agent_id": "", "user_id": "", "trace_id": "", "status": "", "mode": ""}


def store_some(auditor: Auditor) -> list[str]:
    return auditor.write(
        record(agent_id="kyc", user_id="jane", trace_id="t-1", http_status=200, context={"event": "approved"}),
        record(agent_id="kyc", user_id="joe", trace_id="t-1", mode="DRY_RUN", status="started"),
        record(agent_id="pay & go", user_id="jane", trace_id=" t-2", status="error", http_status=502),
        record(agent_id="pay", user_id=" ", trace_id="t-3", status="denied"),
    )


def test_an_address_shows_what_the_api_lists_by_the_same_filters(auditor: Auditor) -> None:
    ids = store_some(auditor)
    key_id = auditor.key.split("_")[1]
    times = [item["created_at"] for item in auditor.api(order="asc")]
    for query, expected in (
        ({}, 4),
        ({"agent_id": "kyc"}, 2),
        ({"agent_id": "pay & go"}, 1),
        ({"user_id": "jane", "mode": "LIVE"}, 2),
        ({"user_id": " "}, 1),
        ({"trace_id": " t-2"}, 1),
        ({"trace_id": "t-2"}, 0),
        ({"status": "denied"}, 1),
        ({"http_status": "502"}, 1),
        ({"api_key_id": key_id}, 4),
        ({"api_key_id": "0" * 16}, 0),
        ({"context.event": "approved"}, 1),
        ({"start_time": times[0], "end_time": "2999-01-01T00:00:00Z"}, 4),
        ({"start_time": "2999-01-01T00:00:00+02:00"}, 0),
        ({"order": "asc", "limit": "3"}, 3),
    ):
        page = auditor.page("records", **query)
        listed = [item["id"] for item in auditor.api(**query)]
        assert shown_ids(page) == listed, query
        assert len(listed) == expected, query
        assert ("No record matches." in page.text) == (not expected)
    assert shown_ids(auditor.page("records")) == ids[::-1]


def test_every_trace_leads_to_its_records(auditor: Auditor) -> None:
    store_some(auditor)
    links = [link for link in auditor.page("records").links() if "?trace_id=" in link]
    assert len(links) == 4
    for link in links:
        trace = parameters(link)["trace_id"]
        assert shown_ids(auditor.page(link)) == [item["id"] for item in auditor.api(trace_id=trace)]


def test_a_form_leads_to_the_shortest_address_that_says_the_same(auditor: Auditor) -> None:
    for form, address in (
        (UNTICKED, {}),
        (UNTICKED | {"agent_id": " kyc ", "zone": "UTC"}, {"agent_id": "kyc"}),
        (UNTICKED | {"http_status": "502", "zone": ""}, {"http_status": "502"}),
        (UNTICKED | {"column.mode": "on", "column.id": "on"}, {"columns": "mode,id"}),
        (UNTICKED | {"context.event": "approved", "api_key_id": "0"}, {"context.event": "approved", "api_key_id": "0"}),
        (UNTICKED | {"from": "2026-03-01T10:00:00"}, {"start_time": "2026-03-01T10:00:00Z"}),
        (
            UNTICKED | {"from": "2026-07-01T10:00", "to": "2026-07-01T11:00:30", "zone": "Europe/Paris"},
            {"start_time": "2026-07-01T08:00:00Z", "end_time": "2026-07-01T09:00:30Z", "zone": "Europe/Paris"},
        ),
        (UNTICKED | {"from": "2026-01-01T00:00", "last": "1h"}, {"start_time": "2026-01-01T00:00:00Z"}),
    ):
        answer = auditor.get("records", **form)
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert location.startswith("records?")
        assert parameters(location) == address
        assert auditor.get(location.removesuffix("?")).status_code == 200


def test_a_form_is_filled_in_with_what_its_page_shows(auditor: Auditor) -> None:
    asked = {
        "agent_id": 'k"y<c', "user_id": "jane", "status": "error", "mode": "LIVE", "http_status": "502",
        "start_time": "2026-07-01T08:00:00Z", "end_time": "2026-07-01T09:00:30Z", "zone": "Europe/Paris",
        "columns": "mode,id", "api_key_id": "0" * 16, "context.event": "approved",
    }  # fmt: skip
    page = auditor.page("records", **asked)
    filled = page.values()
    assert (filled["from"], filled["to"]) == ("2026-07-01T10:00:00", "2026-07-01T11:00:30")
    ticked = [each["name"] for each in page.all("input", type="checkbox") if "checked" in each]
    assert ticked == ["column.mode", "column.id"]
    sent = {name: value for name, value in filled.items() if not name.startswith("column.") and name != "viewport"}
    sent |= {name: "on" for name in ticked if name} | {"status": "error", "mode": "LIVE"}
    sent = {name: sent[name] for name in sent if name in (*asked, *ticked, "from", "to")}
    assert parameters(auditor.get("records", **sent).headers["location"]) == asked


def test_a_window_that_ends_now_is_fixed_where_a_page_follows(auditor: Auditor) -> None:
    store_some(auditor)
    before = datetime.now(UTC).replace(microsecond=0)
    presets = auditor.page("records", agent_id="kyc", zone="Asia/Tokyo").links()
    for name, span in (("1h", 1), ("24h", 24), ("7d", 168), ("30d", 720)):
        (link,) = [link for link in presets if parameters(link).get("last") == name]
        assert parameters(link) == {"agent_id": "kyc", "zone": "Asia/Tokyo", "last": name}
        page = auditor.page(link, limit="1")
        (older,) = page.links(rel="next")
        start = datetime.fromisoformat(parameters(older)["start_time"])
        assert before - timedelta(hours=span) <= start <= datetime.now(UTC) - timedelta(hours=span)
        assert "last" not in parameters(older)
        assert len(shown_ids(auditor.page(older))) == 1
    auditor.database.execute("UPDATE audit.audit_logs SET created_at = created_at - interval '2 hours'")
    assert shown_ids(auditor.page("records", last="1h")) == []
    assert len(shown_ids(auditor.page("records", last="24h"))) == 4


def test_times_are_shown_in_the_zone_that_is_asked_for(auditor: Auditor) -> None:
    store_some(auditor)
    auditor.database.execute("UPDATE audit.audit_logs SET created_at = '2026-07-01 22:30:00.123456+00'")
    for zone, told in (
        ("UTC", "2026-07-01 22:30:00"),
        ("Europe/Paris", "2026-07-02 00:30:00"),
        ("America/New_York", "2026-07-01 18:30:00"),
        ("Asia/Kathmandu", "2026-07-02 04:15:00"),
    ):
        page = auditor.page("records", zone=zone)
        assert page.text.count(told) == 4
        assert f"Times are in {zone}." in page.text
        row = page.links(**{"class": "row"})[0]
        assert f"{told}.123456 ({zone})" in auditor.page(row).text


def test_columns_are_shown_in_the_order_that_is_asked_for(auditor: Auditor) -> None:
    store_some(auditor)
    page = auditor.page("records", columns="http_status,agent_id")
    assert len(page.all("th", scope="col")) == 5
    assert page.text.index("HTTP status\n") < page.text.rindex("Agent\n")
    assert "502pay & go" in re.sub(r"\s+", "", page.text).replace("pay&go", "pay & go")
    for column in ("agent_id", "user_id", "mode", "http_status", "latency_ms", "trace_id", "api_key_id", "id"):
        assert len(auditor.page("records", columns=column).all("th", scope="col")) == 4


def test_what_cannot_be_meant_is_refused_with_a_page_that_says_why(auditor: Auditor) -> None:
    for query, told in (
        ({"nothing": "1"}, "nothing"),
        ({"agent": "kyc"}, "agent"),
        ({"zone": "Mars/Olympus"}, "time zone"),
        ({"zone": "../../etc/passwd"}, "time zone"),
        ({"zone": "/etc/passwd"}, "time zone"),
        ({"columns": "secret"}, "cannot be shown"),
        ({"columns": "mode,"}, "cannot be shown"),
        ({"last": "1y"}, "one of"),
        ({"last": "1h", "start_time": "2026-01-01T00:00:00Z"}, "one start"),
        ({"from": "yesterday"}, "a date and time"),
        ({"from": "2026-01-01T00:00", "zone": "Mars"}, "a date and time"),
        ({"to": "0001-01-01T00:00", "zone": "Asia/Tokyo"}, "a date and time"),
        ({"start_time": "2026-01-01T00:00:00"}, "start_time"),
        ({"http_status": "two"}, "whole number"),
        ({"http_status": "99999999999"}, "http_status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"order": "up"}, "order"),
        ({"mode": "live"}, "mode"),
        ({"status": "ok"}, "status"),
        ({"cursor": "x"}, "cursor"),
        ({"newer": "1"}, "newer"),
        ({"user_id": "a\0b"}, "NUL"),
        ({"user_id": "<script>", "x": "<script>"}, "x"),
    ):
        answer = auditor.get("records", **query)
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert told in answer.text, query
        assert "<script>" not in answer.text.replace('<script type="module"', "")
    assert auditor.get("records?mode=LIVE&mode=LIVE").status_code == 422
    assert auditor.get("records?user_id=%ff").status_code == 422
    assert auditor.get("records").status_code == 200


def test_the_command_for_curl_lists_the_same_records(auditor: Auditor) -> None:
    store_some(auditor)
    for query in (
        {},
        {"agent_id": "pay & go", "status": "error"},
        {"agent_id": "it's $HOME `x`"},
        {"last": "1h"},
        SHORT,
    ):
        page = auditor.page("records", **query)
        command = page.text.split("The same records with curl")[1].strip().splitlines()[0]
        program, *arguments = shlex.split(command)
        assert (program, arguments[:3]) == ("curl", ["-G", "-H", "Authorization: Bearer $RINGFENCE_API_KEY"])
        filters = dict(each.split("=", 1) for each in arguments[4:-1:2])
        assert set(arguments[3:-1:2]) <= {"--data-urlencode"}
        assert httpx.URL(arguments[-1]).path == "/api/v1/audit/logs"
        answer = auditor.client.get(arguments[-1], params=filters, headers=bearer(auditor.key))
        assert [item["id"] for item in json.loads(answer.text)["items"]] == shown_ids(page)


def sent_again(auditor: Auditor, address: str, **typed: str) -> dict[str, str]:
    """Send the form of a list as it is filled in, but for what is typed; return the query that it leads to."""
    page = auditor.page(address)
    fields = page.values() | {each["name"] or "": each["value"] or "" for each in page.all("input", type="hidden")}
    left_out = ("next", *(name for name in fields if name.startswith("column.")))  # none is ticked
    fields = {"from": "", "to": ""} | {name: value for name, value in fields.items() if name not in left_out} | typed
    return parameters(auditor.get("records", **fields).headers["location"])


def test_the_form_keeps_window_order_and_length_of_the_list(auditor: Auditor) -> None:
    store_some(auditor)
    kept = {"last": "1h", "order": "asc", "limit": "3"}
    assert sent_again(auditor, f"records?{urlencode(kept)}", agent_id="kyc") == kept | {"agent_id": "kyc"}
    assert "last" not in sent_again(auditor, "records?last=1h", **{"from": "2026-01-01T00:00"})


def test_a_time_that_nobody_touches_stays_what_it_was(auditor: Auditor) -> None:
    store_some(auditor)
    # The second 01:30 of the night when clocks go back, and a part of a second that the field cannot hold.
    times = {"start_time": "2026-10-24T10:00:00.250000Z", "end_time": "2026-10-25T01:30:00Z"}
    address = f"records?{urlencode(times | {'zone': 'Europe/Paris'})}"
    assert sent_again(auditor, address, agent_id="kyc") == times | {"zone": "Europe/Paris", "agent_id": "kyc"}
    assert "end_time" not in sent_again(auditor, address, to="")
    assert sent_again(auditor, address, to="2026-10-25T01:00")["end_time"] == "2026-10-24T23:00:00Z"


def test_a_command_for_curl_holds_what_cannot_be_seen(auditor: Auditor) -> None:
    command = auditor.page("records", user_id="a\u202eb'\\").text.split("The same records with curl")[1]
    (word,) = [each for each in command.split(" --") if each.startswith("data-urlencode $'user_id")]
    printed = subprocess.run(["bash", "-c", f"printf %s {word.split(' ', 1)[1]}"], capture_output=True, check=True)
    assert printed.stdout.decode() == "user_id=a\u202eb'\\"


def test_an_empty_list_asks_for_newer_records_too(auditor: Auditor) -> None:
    (asked,) = auditor.page("records", status="denied").all("p", id="newer")
    address = (asked["data-count"] or "").removeprefix("records/")
    assert json.loads(auditor.get(f"records/{address}").text)["count"] == 0
    auditor.write(record(status="denied"))
    assert json.loads(auditor.get(f"records/{address}").text)["count"] == 1

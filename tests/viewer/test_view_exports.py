"""Exports from the list: byte for byte those of the API, by the same filters, and on record as those are."""

import json
from typing import Any

from tests.support.bulk_calls import record
from tests.support.calls import bearer
from tests.support.sealing import sealed_and_signed
from tests.viewer.visits import Auditor, parameters, shown_ids

EXPORT = "/api/v1/audit/logs/export"
PLAIN = {"Accept-Encoding": "identity"}


def exports_on_record(auditor: Auditor) -> list[tuple[Any, Any]]:
    events = auditor.client.get("/api/v1/audit/admin-events", headers=bearer(auditor.key)).json()["items"]
    return [(event["api_key_id"], event["detail"]) for event in events if event["act"] == "records exported"]


def test_a_list_leads_to_exports_of_exactly_its_records(auditor: Auditor) -> None:
    auditor.write(
        record(agent_id="kyc", user_id="jane & joe"), record(agent_id="pay", status="error"), record(agent_id="pay")
    )
    sealed_and_signed(auditor.database)
    for query, forms in (
        ({}, ["ndjson", "csv", "evidence"]),
        ({"agent_id": "pay", "order": "asc"}, ["ndjson", "csv"]),
        ({"user_id": "jane & joe", "zone": "Asia/Tokyo", "columns": "mode", "limit": "1"}, ["ndjson", "csv"]),
        ({"last": "1h"}, ["ndjson", "csv", "evidence"]),
        ({"last": "1h", "status": "error"}, ["ndjson", "csv"]),
        ({"start_time": "2026-01-01T00:00:00Z", "end_time": "2999-01-01T00:00:00Z"}, ["ndjson", "csv", "evidence"]),
    ):
        links = auditor.page("records", **query).links(download=None)  # type: ignore[arg-type]
        assert [parameters(link)["format"] for link in links] == forms, query
        for link in links:
            shown = auditor.client.get(f"/view/{link}", headers=PLAIN)
            if parameters(link)["format"] == "ndjson":
                ids = [json.loads(line).get("id") for line in shown.text.splitlines()[:-1]]
                assert ids == shown_ids(auditor.page("records", **query | {"limit": "50"}))
            own = auditor.client.get(EXPORT, params=parameters(link), headers=PLAIN | bearer(auditor.key))
            assert (shown.status_code, own.status_code) == (200, 200)
            if parameters(link)["format"] == "evidence":  # the line about the export has its time
                assert shown.text.count("\n") == own.text.count("\n") > 3
                continue
            assert shown.content == own.content
            for name in ("content-type", "content-disposition", "vary"):
                same = [answer.headers[name].partition("_20")[0] for answer in (shown, own)]
                assert same[0] == same[1]


def test_an_export_is_on_record_as_that_of_the_api_is(auditor: Auditor) -> None:
    auditor.write(record())
    assert exports_on_record(auditor) == []
    assert auditor.client.head("/view/records/export").status_code == 200
    assert auditor.get("records/export?format=xml").status_code == 422
    assert auditor.get("records/export?format=csv&bom=maybe").status_code == 422
    assert exports_on_record(auditor) == []
    assert auditor.get("records/export?format=csv").status_code == 200
    assert auditor.client.get(EXPORT, params={"format": "csv"}, headers=bearer(auditor.key)).status_code == 200
    first, second = exports_on_record(auditor)
    assert first == second
    assert first[0] == auditor.key.split("_")[1]


def test_nobody_exports_without_signing_in(stranger: Auditor) -> None:
    assert stranger.get("records/export?format=csv").status_code == 303
    assert exports_on_record(stranger) == []
    assert stranger.sign_in().status_code == 303
    assert stranger.get("records/export?format=csv").status_code == 200
    assert len(exports_on_record(stranger)) == 1

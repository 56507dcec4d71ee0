"""A link for an auditor: it opens once, by a button, and shows what it was issued for."""

import json
from typing import Any

from tests.viewer.visits import COOKIE, OWN_SITE, Auditor, shown_ids

REFUSED: list[dict[str, str]] = [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {}]


def link(auditor: Auditor, restriction: dict[str, str] | None = None) -> str:
    ((token,),) = auditor.database.execute(
        "SELECT audit.issue_view_link('acme', 'audit', now() + interval '1 day', 3600, %s)",
        json.dumps(restriction) if restriction else None,
    )
    return f"open/{token}"


def opened(auditor: Auditor, address: str, headers: dict[str, str] = OWN_SITE) -> Any:
    return auditor.post(f"/view/{address}", {}, headers)


def test_a_link_opens_once(stranger: Auditor) -> None:
    address = link(stranger)
    answer = opened(stranger, address)
    assert (answer.status_code, answer.headers["location"]) == (303, "../records")
    assert stranger.get("records").status_code == 200
    stranger.client.cookies.clear()
    again = opened(stranger, address)
    assert again.status_code == 410
    assert "set-cookie" not in again.headers
    assert stranger.get("records").status_code == 303
    acts = [
        each["act"]
        for each in json.loads(
            stranger.client.get(
                "/api/v1/audit/admin-events?order=asc", headers={"Authorization": f"Bearer {stranger.key}"}
            ).text
        )["items"]
    ]
    assert [act for act in acts if act.startswith("view link")] == [
        "view link issued", "view link opened", "view link refused",
    ]  # fmt: skip


def test_looking_at_a_link_does_not_use_it_up(stranger: Auditor) -> None:
    address = link(stranger)
    for _ in range(2):
        assert stranger.get(address).status_code == 200
        assert stranger.client.head(f"/view/{address}").status_code == 200
    assert opened(stranger, address).status_code == 303


def test_another_site_opens_no_link(stranger: Auditor) -> None:
    address = link(stranger)
    for headers in REFUSED:
        assert opened(stranger, address, headers).status_code == 403
        assert COOKIE not in stranger.client.cookies
    assert opened(stranger, address).status_code == 303


def test_what_is_no_link_is_refused_and_signs_nobody_out(auditor: Auditor) -> None:
    for token in ("x", "rfl_" + "0" * 16 + "_" + "0" * 64, "%00", "rf_" + "0" * 16 + "_" + "0" * 64):
        assert 400 <= opened(auditor, f"open/{token}").status_code < 500
    assert auditor.get("records").status_code == 200


def test_a_link_shows_the_records_that_it_was_issued_for(stranger: Auditor) -> None:
    newest_first = stranger.write(
        *({"agent_id": agent, "trace_id": "t", "mode": "LIVE", "status": "success"} for agent in ("kyc", "pay", "kyc"))
    )[::-1]
    assert opened(stranger, link(stranger, {"agent_id": "kyc"})).status_code == 303
    page = stranger.page("records")
    shown = shown_ids(page)
    assert set(shown) < set(newest_first)
    assert len(shown) == 2
    assert "You see a part of the trail: agent_id kyc." in " ".join(page.text.split())
    (hidden,) = set(newest_first) - set(shown)
    assert stranger.get(f"records/{hidden}").status_code == 404
    assert stranger.page(f"records/{shown[0]}").text.count("(this record)") == 1
    assert hidden not in stranger.get(f"records/{shown[0]}").text
    assert shown_ids(stranger.page("records", agent_id="pay")) == []
    lines = stranger.get("records/export?format=ndjson").text.splitlines()
    assert {json.loads(line)["agent_id"] for line in lines[:-1]} == {"kyc"}


def test_a_link_to_a_part_shows_nothing_that_tells_of_the_whole(stranger: Auditor) -> None:
    (record_id,) = stranger.write({"agent_id": "kyc", "mode": "LIVE", "status": "success"})
    paths = ["overview", "events", f"records/{record_id}/proof", f"records/{record_id}/leaf"]
    assert opened(stranger, link(stranger, {"agent_id": "kyc"})).status_code == 303
    for path in [*paths, "records/export?format=evidence"]:
        assert stranger.get(path).status_code == 403, path
    assert stranger.get("records").status_code == 200, "still signed in"
    stranger.client.cookies.clear()
    assert opened(stranger, link(stranger)).status_code == 303
    assert [stranger.get(path).status_code for path in paths[:2]] == [200, 200]


def test_a_link_to_a_part_does_not_say_that_an_outcome_is_missing(stranger: Auditor) -> None:
    started, _ = stranger.write(
        *({"agent_id": "kyc", "trace_id": "t", "mode": "LIVE", "status": status} for status in ("started", "success"))
    )
    assert opened(stranger, link(stranger, {"status": "started"})).status_code == 303
    text = stranger.page(f"records/{started}").text
    assert "Unknown whether it acted" not in text
    assert "cannot be seen in the part" in text

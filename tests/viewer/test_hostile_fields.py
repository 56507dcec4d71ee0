"""Records whose every field is hostile: a page shows their text, and its own structure stays as it was."""

import json
from typing import Any

import pytest

from app.model.context import CONTEXT_NAMES
from tests.support.bulk_calls import record, send_json
from tests.viewer.visits import Auditor, Page, parsed

TEXTS = {
    "script": "<script>alert(1)</script>",
    "end of everything": "</a></bdi></td></title></textarea></pre></svg><img src=x onerror=alert(1)>",
    "double quote": '" onmouseover="alert(1)" autofocus x="',
    "single quote": "' onmouseover='alert(1)' x='",
    "template": "{{ 7*7 }}{% include 'x' %}${7*7}#{7*7}",
    "entity": "&lt;script&gt;&#x202e;&amp;amp;&copy",
    "comment": "<!--><![CDATA[ <?php -->",
    "address": "javascript:alert(1)//https://evil.example",
    "line ends": "one\r\ntwo\n\nthree\u2028four\u2029five\x85",
    "controls": "\x01\x07\x08\x1b[31m\x7f\x9b",
    "right to left": "safe\u202egnp.exe\u2066\u2067\u2069\u200f\u061c",
    "invisible": "a\u200bb\u00adc\ufeffd\u2060e\U000e0041",
    "marks": "Z" + "\u0300\u0489" * 30,
    "arabic": "مرحبا שלום",
    "wide": "😀" * 32,
    "blank": " \u3000\u00a0 ",
}
HIDDEN = (
    "\x01\x07\x08\x1b\x7f\x9b\x85\u2028\u2029\u202e\u2066\u2067\u2069\u200f\u061c\u200b\u00ad\ufeff\u2060\U000e0041"
)
EVERY_COLUMN = "agent_id,user_id,mode,http_status,latency_ms,trace_id,api_key_id,recorded_at,id"


def filled(text: str, *, long: bool = False) -> dict[str, Any]:
    """Return a record that has `text` wherever a writer may choose it; long: as often as there is room for."""

    def fitting(size: int) -> str:
        return (text * size)[:size] if long else text[:size]

    context = {name: fitting(20 if long else 100) for name in CONTEXT_NAMES}
    fields = {"agent_id": fitting(128), "user_id": fitting(256), "trace_id": fitting(128), "error": fitting(2000)}
    return record(**fields, context=context, status="error", http_status=599, latency_ms=2**31 - 1)


def store(auditor: Auditor, stored: dict[str, Any]) -> str:
    """Store one record alone; return its id."""
    auditor.database.execute("TRUNCATE audit.audit_logs")
    answer = send_json(auditor.client, stored, api_key=auditor.key)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def pages_of(auditor: Auditor, record_id: str) -> list[tuple[str, Page]]:
    """Return the list with every column, and the record, as text and parsed."""
    answers = [auditor.get("records", columns=EVERY_COLUMN), auditor.get(f"records/{record_id}")]
    assert [answer.status_code for answer in answers] == [200, 200]
    return [(answer.text, parsed(answer.text)) for answer in answers]


@pytest.mark.parametrize("length", ["short", "long"])
def test_no_field_changes_the_structure_of_a_page(auditor: Auditor, length: str) -> None:
    usual = pages_of(auditor, store(auditor, filled("harmless", long=length == "long")))
    for kind, text in TEXTS.items():
        stored = filled(text, long=length == "long")
        for (_, page), (html, found) in zip(usual, pages_of(auditor, store(auditor, stored)), strict=True):
            assert found.skeleton() == page.skeleton(), kind
            assert not set(HIDDEN) & set(html), kind
            assert len(html) < 60_000
        shown = pages_of(auditor, store(auditor, stored))[1][1].text
        for name in ("agent_id", "user_id", "trace_id", "error"):
            if not set(HIDDEN + "\r\n\u3000\u00a0") & set(stored[name]):
                assert stored[name] in shown, (kind, name)


def test_what_cannot_be_seen_is_written_out(auditor: Auditor) -> None:
    for _, page in pages_of(auditor, store(auditor, filled(TEXTS["right to left"]))):
        assert r"safe\u202egnp.exe\u2066\u2067\u2069\u200f\u061c" in page.text
    for _, page in pages_of(auditor, store(auditor, filled(TEXTS["controls"]))):
        assert r"\x01\x07\x08\x1b[31m\x7f\x9b" in page.text


def test_every_text_of_a_record_is_kept_apart_from_the_direction_of_others(auditor: Auditor) -> None:
    for html, _ in pages_of(auditor, store(auditor, filled("שלום"))):
        pieces = html.split("<bdi>")
        assert "ש" not in pieces[0].replace('value="', "")
        for piece in pieces[1:]:
            if "ש" in piece.split("<pre", 1)[0]:
                assert "ש" not in piece.partition("</bdi>")[2].split("<pre", 1)[0]


def test_the_json_on_the_page_is_the_record(auditor: Auditor) -> None:
    for text in TEXTS.values():
        record_id = store(auditor, filled(text))
        page = auditor.page(f"records/{record_id}")
        raw = page.text.split("As JSON")[1]
        found, _ = json.JSONDecoder().raw_decode(raw)
        assert found == auditor.api()[0]


def test_hostile_filters_come_back_as_text(auditor: Auditor) -> None:
    usual = auditor.page("records", agent_id="x", user_id="x", trace_id="x", **{"context.event": "x"})
    for kind, text in TEXTS.items():
        asked = {"agent_id": text, "user_id": text, "trace_id": text, "context.event": text}
        answer = auditor.get("records", **asked)
        assert answer.status_code == 200, kind
        page = parsed(answer.text)
        assert page.skeleton() == usual.skeleton(), kind
        (event,) = page.all("input", name="context.event")
        assert event["value"] == text.replace("\r\n", "\n") or event["value"] == text
    for address in ("zone=<script>", "columns=<script>", "last=<script>", "cursor=<script>", "<script>=1", "act=<b>"):
        refused = auditor.get(f"records?{address}")
        assert refused.status_code == 422
        assert "<script>" not in refused.text.partition("<main")[2]


def test_a_nul_is_refused_before_it_is_stored_or_asked_for(auditor: Auditor) -> None:
    for name in ("agent_id", "user_id", "trace_id", "error"):
        assert send_json(auditor.client, record(**{name: "a\0b"}), api_key=auditor.key).status_code == 422
        assert send_json(auditor.client, record(**{name: "a\x01b"}), api_key=auditor.key).status_code == 201
    assert auditor.get("records", agent_id="a\0b").status_code == 422
    assert auditor.get("records", agent_id="a\x01b").status_code == 200


def test_events_with_hostile_labels_are_shown_as_text(auditor: Auditor) -> None:
    auditor.database.execute("SELECT audit.issue_api_key('acme', 'harmless')")
    usual = set(auditor.page("events").skeleton())
    for kind, text in TEXTS.items():
        auditor.database.execute("SELECT audit.issue_api_key('acme', %s)", text[:100])
        page = auditor.page("events")
        assert set(page.skeleton()) == usual, kind
        assert set(HIDDEN + "\r\n\u3000\u00a0") & set(text) or text[:100] in page.text, kind

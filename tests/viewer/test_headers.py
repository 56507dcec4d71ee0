"""Every answer below /view: what it lets a browser do, and that nothing keeps it."""

from typing import Any

from app.model.uuid_v7 import uuid_v7
from app.telemetry.metrics import REGISTRY
from tests.support.bulk_calls import record
from tests.support.calls import assert_problem
from tests.support.sealing import sealed_and_signed
from tests.viewer.visits import OWN_SITE, Auditor, parsed

COMMON = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def assert_guarded(answer: Any, status: int) -> None:
    """Assert that it is a page or a redirect of /view, with everything that every one has."""
    assert answer.status_code == status, answer.text
    assert {name: answer.headers.get(name) for name in COMMON} == COMMON
    assert "camera=()" in answer.headers["permissions-policy"]
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert policy == POLICY
    assert "access-control-allow-origin" not in answer.headers


def test_every_page_has_them(auditor: Auditor) -> None:
    (record_id,) = auditor.write(record())
    for path in ("records", f"records/{record_id}", "events", "overview", "sign-in", "records?last=1h&columns=mode"):
        assert_guarded(auditor.get(path), 200)


def test_every_redirect_has_them(auditor: Auditor) -> None:
    for path in ("", "records?agent_id=+kyc+&status="):
        assert_guarded(auditor.get(path), 303)
    assert_guarded(auditor.client.get("/view", follow_redirects=False), 303)
    assert_guarded(auditor.sign_in(), 303)
    assert_guarded(auditor.post("/view/sign-out", {}), 303)
    assert_guarded(auditor.get("records"), 303)


def test_every_refusal_has_them(auditor: Auditor) -> None:
    for path, status in (
        (f"records/{uuid_v7()}", 404),
        ("records/x", 422),
        ("records?nothing=1", 422),
        ("records?zone=Mars", 422),
        ("records?from=x", 422),
        ("records?status=a&status=b", 422),
        ("events?act=x", 422),
        ("sign-in?ended=yes", 422),
        (f"records/{uuid_v7()}/proof", 404),
        ("records/export?format=xml", 422),
        ("assets/0/view.css", 404),
    ):
        assert_guarded(auditor.get(path), status)
    assert_guarded(auditor.sign_in("x"), 401)
    assert_guarded(auditor.sign_in(auditor.database.issue_api_key("acme", "write")), 403)
    assert_guarded(auditor.post("/view/sign-in", {"api_key": auditor.key}, {"Sec-Fetch-Site": "cross-site"}), 403)
    assert_guarded(auditor.post("/view/sign-in", {}), 422)


def test_a_page_that_a_link_elsewhere_led_to_has_them(stranger: Auditor) -> None:
    answer = stranger.client.get("/view/records?mode=LIVE", headers={"Sec-Fetch-Site": "cross-site"})
    assert_guarded(answer, 200)
    (refresh,) = parsed(answer.text).all("meta", **{"http-equiv": "refresh"})
    assert refresh["content"] == "0"  # the same address once more, from a page of this site


def test_what_a_script_reads_is_kept_by_nothing_and_is_no_page(auditor: Auditor) -> None:
    (record_id,) = auditor.write(record())
    sealed_and_signed(auditor.database)
    for path, media_type in (
        (f"records/{record_id}/leaf", "text/plain; charset=utf-8"),
        (f"records/{record_id}/proof", "text/plain; charset=utf-8"),
        ("records/newer", "application/json"),
        ("records/export?format=csv", "text/csv; charset=utf-8; header=present"),
    ):
        answer = auditor.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert {name: answer.headers.get(name) for name in COMMON} == COMMON


def test_the_page_that_verifies_files_cannot_be_framed(stranger: Auditor) -> None:
    answer = stranger.get("verify")
    assert answer.status_code == 200
    assert {name: answer.headers.get(name) for name in COMMON} == COMMON
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "default-src 'none'" in answer.text  # a policy of its own, which names its script by the hash


def test_only_files_of_this_release_are_kept(auditor: Auditor) -> None:
    page = auditor.page("records")
    addresses = {each["src"] or "" for each in page.all("script")} | {each["href"] or "" for each in page.all("link")}
    assert {address.rsplit("/", 1)[1] for address in addresses} == {"view.css", "view.js", "icon.svg"}
    for address in addresses:
        answer = auditor.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert auditor.get(address.replace("assets/", "assets/0")).status_code == 404


def test_no_page_has_a_script_or_a_style_in_it_or_an_address_elsewhere(auditor: Auditor) -> None:
    (record_id,) = auditor.write(record())
    for path in ("records", f"records/{record_id}", "events", "overview", "sign-in", "records/x"):
        answer = auditor.get(path)
        page = parsed(answer.text)
        assert all(each.get("src") for each in page.all("script"))
        assert not page.all("style")
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            for name in ("href", "src", "action"):
                assert not (attributes.get(name) or "").startswith(("http", "//", "javascript", "data"))


def test_head_answers_as_get_does(auditor: Auditor) -> None:
    for path in ("records", "events", "sign-in", "verify", "records/export?format=csv", ""):
        got = auditor.get(path)
        asked = auditor.client.head(f"/view/{path}", follow_redirects=False)
        assert asked.status_code == got.status_code
        # A list names the moment at which it was read: compressed, it is a byte longer or shorter at the next.
        moment = ("content-length",) if path == "records" else ()
        same = [name for name in got.headers if name not in ("x-trace-id", "content-disposition", *moment)]
        assert asked.headers.keys() == got.headers.keys()
        assert {name: asked.headers[name] for name in same} == {name: got.headers[name] for name in same}


def test_pages_take_no_other_method(auditor: Auditor) -> None:
    for path in ("records", "records/export", "events", "verify"):
        assert auditor.get(path).status_code == 200
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = auditor.client.request(method, f"/view/{path}", headers=OWN_SITE)
            assert_problem(answer, 405, "method-not-allowed")
            assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_refusal_says_when_to_try_again_and_is_counted(auditor: Auditor) -> None:
    (record_id,) = auditor.write(record())
    kind = {"kind": "not-sealed-yet"}
    before = REGISTRY.get_sample_value("ringfence_refused_total", kind) or 0
    answer = auditor.get(f"records/{record_id}/proof")
    assert_guarded(answer, 409)
    assert answer.headers["retry-after"] == "2"
    assert (REGISTRY.get_sample_value("ringfence_refused_total", kind) or 0) == before + 1
    assert "retry-after" not in auditor.get("records/x").headers

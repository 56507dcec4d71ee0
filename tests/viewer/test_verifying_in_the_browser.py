"""The button that verifies one record in the browser: what it passes, and what it does not let pass."""

import base64
import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.support.bulk_calls import record
from tests.support.calls import bearer
from tests.support.rfc6962 import leaf_hash
from tests.support.sealing import vkey
from tests.viewer.desk import Desk

SAME = "The record on this page says what its leaf says."
PERSONAL = "User, error and context are those of the leaf."
UNSEALED = "The record is not what was sealed: its leaf is not in the tree of the checkpoint."
SIGNED = "The checkpoint is signed with this key."


def verify(page: Page, key: str) -> dict[str, str]:
    """Press the button; return each finding and its word."""
    page.get_by_label("Public key of the signer").fill(key)
    page.get_by_role("button", name="Verify in this browser").click()
    expect(page.get_by_role("button", name="Verify in this browser")).to_be_enabled()
    expect(page.locator("#verdict li").first).to_be_visible()
    found = page.locator("#verdict li").all_inner_texts()
    words = ("NOT CHECKED", "PASS", "FAIL")
    return {text.split(word, 1)[1].strip(): word for text in found for word in words if text.startswith(word)}


def store(desk: Desk) -> str:
    """Store records of two tenants; return the id of the one that is looked at."""
    context = {"event": "approved", "gen_ai.request.model": "m-1", "approver": "Grüße \u202e 😀"}
    first = record(user_id="jane", error='two\nlines "quoted"', status="error", latency_ms=12, context=context)
    return desk.write(first, *(record(user_id=f"user {number}") for number in range(4)))[0]


def test_a_sealed_record_passes_with_the_signers_key(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    leaf = "The leaf was sealed: it is leaf 0 of the 5 leaves of the checkpoint of ringfence.example/acme."
    assert verify(page, f"  {key}\n") == dict.fromkeys((SAME, PERSONAL, leaf, SIGNED), "PASS")
    assert verify(page, "")["Who signed the checkpoint was not checked: no public key is given."] == "NOT CHECKED"


def test_every_record_of_a_tree_passes(desk: Desk) -> None:
    store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in()
    expect(page).to_have_url(f"{desk.url}records")
    for record_id in desk.write():
        page.goto(f"{desk.url}records/{record_id}")
        assert set(verify(page, key).values()) == {"PASS"}


def test_a_key_of_somebody_else_fails_and_what_is_no_key_is_said_to_be_none(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    assert verify(page, vkey("acme"))["The checkpoint is not signed with this key."] == "FAIL"
    assert verify(page, key)[SIGNED] == "PASS"
    name, digest, encoded = key.split("+", 2)
    for wrong in (
        "x",
        f"{name}+{digest}",
        f"{name}+00000000+{encoded}",
        f"{name}+{digest}+AAAA",
        f"{name}+{digest}+!!",
    ):
        found = verify(page, wrong)
        assert found.pop(SAME) == "PASS"
        ((told, word),) = [(each, word) for each, word in found.items() if "could not be verified" in each]
        assert (word, SIGNED in found) == ("FAIL", False), told


DIFFERS = "The record on this page differs from its leaf: "
PERSONAL_DIFFERS = "User, error or context differ from those of the leaf."
CHANGES = (
    ("agent_id = 'another'", f"{DIFFERS}agent_id."),
    ("status = 'success'", f"{DIFFERS}status."),
    ("latency_ms = 13, mode = 'DRY_RUN'", f"{DIFFERS}mode, latency_ms."),
    ("created_at = created_at + interval '1 us'", f"{DIFFERS}created_at."),
    ("user_id = 'joe'", PERSONAL_DIFFERS),
    ("error = NULL", PERSONAL_DIFFERS),
    ('context = \'{"event": "refused"}\'', PERSONAL_DIFFERS),
)


def test_a_record_that_was_changed_past_the_functions_fails(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    assert set(verify(page, key).values()) == {"PASS"}
    desk.database.execute("CREATE TABLE public.kept AS TABLE audit.audit_logs")
    for change, told in CHANGES:
        desk.database.execute(f"UPDATE audit.audit_logs SET {change} WHERE id = %s", record_id)
        found = verify(page, key)  # of the page as it was before
        assert (found.get(told), found.get(UNSEALED)) == ("FAIL", "FAIL"), found
        page.reload()
        found = verify(page, key)
        assert (found.get(SAME), found.get(UNSEALED)) == ("PASS", "FAIL"), found
        desk.database.execute("DELETE FROM audit.audit_logs; INSERT INTO audit.audit_logs TABLE public.kept")
        page.reload()
        assert set(verify(page, key).values()) == {"PASS"}


def test_a_record_that_is_shown_fails_where_the_leaf_says_that_it_was_erased(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    digest = re.search('"private_sha256":"([0-9a-f]{64})"', page.request.get(f"{page.url}/leaf").text())
    assert digest
    desk.database.execute(
        "UPDATE audit.seals SET salt = NULL, private_sha256 = decode(%s, 'hex') WHERE record_id = %s",
        digest[1], record_id,
    )  # fmt: skip
    desk.database.execute("UPDATE audit.audit_logs SET user_id = 'mallory' WHERE id = %s", record_id)
    page.reload()
    told = "User, error or context stand on this page, and the leaf says that they were erased."
    assert verify(page, key)[told] == "FAIL"
    desk.database.execute(
        "UPDATE audit.audit_logs SET user_id = NULL, error = NULL, context = NULL WHERE id = %s", record_id
    )
    page.reload()
    assert verify(page, key)["User, error and context were erased: the leaf has their digest alone."] == "NOT CHECKED"


def tell(page: Page, what: str, change: Callable[[str], str]) -> None:
    """Have the page read another leaf or proof than the service has, as a service that lies would tell it."""

    def lie(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=change(answer.text()))

    page.unroute_all()
    page.route(f"**/{what}", lie)


def test_a_service_that_lies_is_found_out(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    assert set(verify(page, key).values()) == {"PASS"}
    broken = "It could not be verified: "
    lies: list[tuple[str, Callable[[str], str], str]] = [
        ("leaf", lambda text: re.sub('"salt":"..', '"salt":"00', text), "User, error or context differ from those of"),
        ("leaf", lambda text: text.replace('"scoring"', '"another"'), "The record on this page differs from its leaf:"),
        ("leaf", lambda text: text.replace('"private_sha256":"', '"private_sha256":"0'), UNSEALED),
        ("proof", lambda text: text.replace("index 0", "index 1"), UNSEALED),
        ("proof", lambda text: re.sub(r"\n[^\n]+\n\n", "\n\n", text, count=1), broken),
        ("proof", lambda text: text.replace("index 0", f"index 0\n{'A' * 43}="), broken),
        ("proof", lambda text: text.replace("tlog-proof@v1", "tlog-proof@v2"), broken),
        ("proof", lambda text: text.replace("\n5\n", "\n4\n"), broken),
        ("proof", lambda text: text.replace("\N{EM DASH} ", "- "), "The checkpoint is not signed with this key."),
    ]
    for what, change, told in lies:
        tell(page, what, change)
        found = verify(page, key)
        assert [word for finding, word in found.items() if finding.startswith(told)] == ["FAIL"], (told, found)


def test_a_tree_that_was_made_for_the_page_is_not_signed(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    leaf = desk.service.http.get(f"/api/v1/audit/logs/{record_id}/leaf", headers=bearer(desk.key)).text
    root = base64.b64encode(leaf_hash(leaf.split("\n")[0].encode())).decode()

    def forged(proof: str) -> str:
        origin, signature = proof.split("\n\n")[1].split("\n")[0], proof.split("\n\n")[2]
        return f"c2sp.org/tlog-proof@v1\nindex 0\n\n{origin}\n1\n{root}\n\n{signature}"

    tell(page, "proof", forged)
    assert verify(page, key)["The checkpoint is not signed with this key."] == "FAIL"
    assert set(verify(page, "").values()) == {"PASS", "NOT CHECKED"}


def test_a_record_that_is_not_signed_yet_is_not_called_good(desk: Desk) -> None:
    record_id = store(desk)
    desk.expected = ("409",)
    page = desk.signed_in(f"records/{record_id}")
    found = verify(page, "")
    assert list(found.values()) == ["FAIL"]
    assert "the record is not sealed yet" in next(iter(found))


def test_a_key_that_was_revoked_meanwhile_is_said_to_open_nothing(desk: Desk) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    page = desk.signed_in(f"records/{record_id}")
    assert set(verify(page, key).values()) == {"PASS"}
    desk.revoke()
    desk.expected = ("redirect", "ERR_FAILED", "Failed to fetch")
    assert list(verify(page, key).values()) == ["FAIL"]


def test_without_javascript_the_page_says_how_to_verify(desk: Desk) -> None:
    record_id = store(desk)
    page = desk.signed_in(f"records/{record_id}", java_script_enabled=False)
    expect(page.get_by_role("button", name="Verify in this browser")).to_have_count(0)
    assert "<noscript><p>Verifying here needs JavaScript." in page.content()
    expect(page.get_by_role("link", name="The sealed lines")).to_be_visible()

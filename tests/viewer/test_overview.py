"""The overview: what it counts, and what it says of evidence, terms, holds and keys."""

import re

from tests.support.bulk_calls import record
from tests.support.sealing import sealed_and_signed
from tests.viewer.visits import Auditor, Page


def words(page: Page) -> str:
    return " ".join(page.text.split())


def test_an_overview_of_nothing_says_so(auditor: Auditor) -> None:
    shown = words(auditor.page("overview"))
    for said in ("The newest 24 hours", "There is no record.", "none yet", "for ever", "No legal hold is in force."):
        assert said in shown


def test_hours_are_counted_and_drawn_and_link_to_agents(auditor: Auditor) -> None:
    auditor.write(
        *(record(agent_id="kyc") for _ in range(3)),
        *(record(agent_id="pay", status="error") for _ in range(2)),
        record(agent_id="pay", status="denied"),
    )
    page = auditor.page("overview")
    assert re.search(r"\d\d \d\d:00 ?6 ?2 ?1", words(page)), "the hour that is under way"
    bars = {(each["class"] or ""): float(each["height"] or 0) for each in page.all("rect")}
    assert bars["records"] == 3 * bars["failures"] == 6 * bars["refusals"] > 0
    assert re.search("kyc 3 0 0 pay 3 2 1", words(page))
    assert {"records?agent_id=kyc", "records?agent_id=pay"} <= set(page.links())


def test_another_tenants_records_keys_and_holds_are_not_counted(auditor: Auditor) -> None:
    auditor.write(record(agent_id="kyc"))
    key = auditor.database.issue_api_key("globex")
    auditor.database.execute("SELECT audit.place_hold('globex', 'a court asks', 'case 9')")
    assert auditor.sign_in(key).status_code == 303
    shown = words(auditor.page("overview"))
    assert key.split("_")[1] in shown
    assert auditor.key.split("_")[1] not in shown
    assert "case 9" in shown
    assert auditor.sign_in().status_code == 303
    assert "case 9" not in words(auditor.page("overview"))


def test_terms_holds_keys_and_the_checkpoint_are_shown(auditor: Auditor) -> None:
    auditor.write(record(agent_id="kyc"))
    revoked = auditor.database.issue_api_key("acme")
    auditor.database.execute("SELECT audit.revoke_api_key(%s)", revoked.split("_")[1])
    auditor.database.execute("SELECT audit.set_retention('acme', 400, 30)")
    auditor.database.execute("SELECT audit.place_hold('acme', 'asks after jane', 'case 1', p_user_id => 'jane')")
    sealed_and_signed(auditor.database)
    page = auditor.page("overview")
    shown = words(page)
    for said in (
        "400 days",
        "30 days",
        "case 1",
        "a person",
        "in force",
        "revoked",
        "leaves in epoch 1",
        "none of the newest 100",
    ):
        assert said in shown, said
    assert "jane" not in shown

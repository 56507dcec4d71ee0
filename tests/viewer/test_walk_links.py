"""A link for an auditor, in a real browser: opened once, refused the second time, and what its page shows."""

from playwright.sync_api import expect

from tests.support.bulk_calls import record
from tests.viewer.desk import Desk


def test_a_link_is_opened_once_and_refused_the_second_time(desk: Desk) -> None:
    desk.write(record(agent_id="kyc", user_id="jane"), record(agent_id="pay", user_id="joe"))
    ((token,),) = desk.database.execute(
        "SELECT audit.issue_view_link('acme', 'audit', now() + interval '1 day', 3600, %s)", '{"agent_id": "kyc"}'
    )
    desk.expected = ("404", "410")
    page = desk.tab(f"open/{token}")
    expect(page.get_by_role("heading", name="Open the records")).to_be_visible()
    page.get_by_role("button", name="Open the records").click()
    expect(page).to_have_url(f"{desk.url}records")
    expect(page.locator("a.row")).to_have_text(["jane called kyc"])
    expect(page.get_by_text("You see a part of the trail: agent_id kyc.")).to_be_visible()
    expect(page.get_by_role("link", name="Overview")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{desk.url}sign-in")
    page.goto(f"{desk.url}open/{token}")
    page.get_by_role("button", name="Open the records").click()
    expect(page.get_by_role("heading", name="This link opens nothing any more")).to_be_visible()
    page.goto(f"{desk.url}records")
    expect(page.get_by_label("API key")).to_be_visible()

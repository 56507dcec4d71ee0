"""An auditor's way through the pages in a real browser, with JavaScript and without."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.support.bulk_calls import record, send_json
from tests.viewer.desk import Desk, sign_in

SCRIPTS = pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])


def rows(page: Page) -> int:
    return page.locator("tbody tr").count()


@SCRIPTS
def test_sign_in_filter_page_open_and_sign_out(desk: Desk, script: bool) -> None:
    desk.write(*(record(agent_id="kyc", user_id=f"user {number}") for number in range(60)))
    desk.write(record(agent_id="pay", user_id="jane", status="error", http_status=502, error="bad gateway"))
    desk.expected = ("401",)
    page = desk.tab(java_script_enabled=script)
    page.goto(desk.url.removesuffix("/"))
    expect(page).to_have_title("Sign in - Ringfence")
    sign_in(page, "rf_wrong")
    expect(page.get_by_role("alert")).to_have_text("This key opens nothing.")
    sign_in(page, desk.key)
    expect(page).to_have_url(f"{desk.url}records")
    assert rows(page) == 50

    page.get_by_role("textbox", name="User").fill("jane")
    page.get_by_label("Status", exact=True).select_option("error")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(f"{desk.url}records?user_id=jane&status=error")
    assert rows(page) == 1
    expect(page.get_by_role("textbox", name="User")).to_have_value("jane")
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(f"{desk.url}records")

    page.get_by_role("textbox", name="Agent").fill("kyc")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Older", exact=True).click()
    assert rows(page) == 10
    page.get_by_role("link", name="user 0 called kyc").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One execution")
    expect(page.locator(".lead")).to_contain_text("user 0 called kyc and it succeeded.")
    page.get_by_text("As JSON").click()
    assert json.loads(page.get_by_label("The record as JSON").inner_text())["user_id"] == "user 0"
    page.get_by_role("link", name="Events").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Administrative events")
    page.get_by_label("Act").select_option("api key issued")
    page.get_by_role("button", name="Show").click()
    assert rows(page) == 1
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{desk.url}sign-in")
    page.goto(f"{desk.url}records")
    expect(page).to_have_url(f"{desk.url}sign-in?next=records")


@SCRIPTS
def test_a_window_of_time_and_columns_are_chosen_in_the_form(desk: Desk, script: bool) -> None:
    desk.write(record(user_id="early"), record(user_id="late"))
    desk.database.execute("UPDATE audit.audit_logs SET created_at = '2026-07-01T08:30:00Z' WHERE user_id = 'early'")
    page = desk.signed_in(java_script_enabled=script)
    page.get_by_label("From").fill("2026-07-01T10:00:00")
    page.get_by_label("Before").fill("2026-07-01T11:00:00")
    page.get_by_label("Time zone").fill("Europe/Paris")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Mode").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("2026-07-01 10:30:00")
    expect(page.locator("tbody td").last).to_have_text("LIVE")
    expect(page.get_by_label("From")).to_have_value("2026-07-01T10:00")
    page.get_by_role("link", name="all times").click()
    expect(page.locator("tbody tr")).to_have_count(2)


@SCRIPTS
def test_the_records_of_a_trace_are_followed(desk: Desk, script: bool) -> None:
    ids = desk.write(
        record(trace_id="t", user_id="jane", status="started"), record(trace_id="t", user_id="jane", status="denied"),
        record(trace_id="other"),
    )  # fmt: skip
    page = desk.signed_in(f"records/{ids[0]}", java_script_enabled=script)
    expect(page).to_have_url(f"{desk.url}records/{ids[0]}")
    expect(page.get_by_role("note")).to_contain_text("Unknown whether it acted.")
    page.locator(".timeline a").nth(1).click()
    expect(page).to_have_url(f"{desk.url}records/{ids[1]}")
    expect(page.get_by_role("note")).to_have_count(0)


@SCRIPTS
def test_the_records_of_the_list_are_downloaded(desk: Desk, script: bool) -> None:
    desk.write(record(user_id="jane"), record(user_id="joe"))
    desk.seal_and_sign()
    page = desk.signed_in(java_script_enabled=script)
    for form, name in (("NDJSON", "audit-logs"), ("CSV", "audit-logs"), ("evidence", "evidence")):
        with page.expect_download() as begun:
            page.get_by_role("link", name=f"Export as {form}").click()
        assert begun.value.suggested_filename.startswith(f"{name}_acme_")
        text = begun.value.path().read_text()
        assert ("jane" in text, "joe" in text) == (True, True)
    expect(page).to_have_url(f"{desk.url}records")


@SCRIPTS
def test_a_key_that_is_revoked_signs_out(desk: Desk, script: bool) -> None:
    desk.write(record(user_id="jane"))
    page = desk.signed_in(java_script_enabled=script)
    assert rows(page) == 1
    desk.revoke()
    page.get_by_role("link", name="jane").click()
    expect(page.get_by_role("alert")).to_have_text("Your key no longer opens anything.")
    assert page.context.cookies() == []
    desk.key = desk.database.issue_api_key("acme")
    sign_in(page, desk.key)
    expect(page.get_by_role("heading", level=1)).to_have_text("One execution")


@SCRIPTS
def test_another_tenants_record_is_not_there(desk: Desk, script: bool) -> None:
    other = desk.database.issue_api_key("globex")
    answer = send_json(desk.service.http, record(user_id="secret"), tenant="globex", api_key=other)
    desk.expected = ("404",)
    page = desk.signed_in(f"records/{answer.json()['id']}", java_script_enabled=script)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not Found")
    expect(page.locator("body")).not_to_contain_text("secret")
    page.get_by_role("link", name="Go to the records").click()
    expect(page.locator("main")).to_contain_text("No record matches.")


@SCRIPTS
def test_a_link_on_another_site_leads_to_the_page_for_those_who_are_in(desk: Desk, script: bool) -> None:
    """The cookie is held back at first (SameSite=Strict), and sent when this page asks once more."""
    desk.write(record(user_id="jane"))
    page = desk.signed_in(java_script_enabled=script)
    page.goto(f"data:text/html,<a href='{desk.url}records?mode=LIVE'>look</a>")
    page.get_by_role("link", name="look").click()
    expect(page).to_have_url(f"{desk.url}records?mode=LIVE")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_no_other_site_can_frame_a_page_or_send_a_form(desk: Desk) -> None:
    desk.expected = ("frame-ancestors", "403", "X-Frame-Options")
    page = desk.signed_in()
    expect(page).to_have_url(f"{desk.url}records")
    page.goto(f"data:text/html,<iframe src='{desk.url}sign-in'></iframe>")
    assert "API key" not in str([frame.content() for frame in page.frames[1:]])
    page.goto(f"data:text/html,<form method=post action='{desk.url}sign-out'><button>go</button></form>")
    page.get_by_role("button", name="go").click()
    expect(page.get_by_role("alert")).to_have_text("another site sent this form")
    page.goto(f"{desk.url}records")
    expect(page).to_have_url(f"{desk.url}records")


def test_the_key_is_where_no_script_can_read_it(desk: Desk) -> None:
    page = desk.signed_in()
    expect(page).to_have_url(f"{desk.url}records")
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    (cookie,) = page.context.cookies()
    assert (cookie["value"], cookie["httpOnly"], cookie["sameSite"]) == (desk.key, True, "Strict")
    assert desk.key not in page.content()

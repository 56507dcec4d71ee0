"""The keys of the pages: from one record to the next, to the filters, back, and none that a field needs itself."""

from playwright.sync_api import Page, expect

from tests.support.bulk_calls import record
from tests.viewer.desk import Desk


def opened(desk: Desk) -> Page:
    """Return the list with three records, the newest of user 2."""
    desk.write(*(record(user_id=f"user {number}") for number in range(3)))
    page = desk.signed_in()
    expect(page.locator("tbody tr")).to_have_count(3)
    return page


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_j_and_k_go_from_record_to_record_and_enter_opens_one(desk: Desk) -> None:
    page = opened(desk)
    shown = page.locator("a.row").all_inner_texts()
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1), ("k", 0), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        assert focused(page) == shown[at]
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text(shown[1])
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{desk.url}records")


def test_escape_leads_back_to_the_list_with_its_filters(desk: Desk) -> None:
    page = opened(desk)
    page.goto(f"{desk.url}records?user_id=user+1")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("One execution")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{desk.url}records?user_id=user+1")


def test_escape_leads_to_the_list_where_a_record_was_opened_by_its_address(desk: Desk) -> None:
    record_id = desk.write(record())[0]
    signed_in = desk.signed_in()
    expect(signed_in).to_have_url(f"{desk.url}records")
    page = signed_in.context.new_page()
    page.goto(f"{desk.url}records/{record_id}")
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{desk.url}records")


def test_a_slash_leads_to_the_first_filter_and_escape_out_of_it(desk: Desk) -> None:
    page = opened(desk)
    field = page.get_by_role("textbox", name="Agent")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("a/j?k")
    expect(field).to_have_value("a/j?k")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    expect(page).to_have_url(f"{desk.url}records")


def test_a_question_mark_shows_the_keys_and_escape_hides_them(desk: Desk) -> None:
    page = opened(desk)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    page.keyboard.press("j")
    assert focused(page) == "Close"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.keyboard.press("j")
    assert "user 2" in focused(page)


def test_a_browsers_own_shortcuts_are_left_alone(desk: Desk) -> None:
    page = opened(desk)
    for key in ("Control+j", "Alt+k", "Meta+/"):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement === document.body"), key

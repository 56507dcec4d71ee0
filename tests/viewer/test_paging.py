"""Pages of the list, both ways, while records come that share their time: none is lost, none is shown twice."""

import pytest
from playwright.sync_api import expect

from tests.support.bulk_calls import record
from tests.viewer.desk import Desk
from tests.viewer.visits import Auditor, Page, parsed, shown_ids

LIMIT = "4"


def store(auditor: Auditor, count: int) -> list[str]:
    """Store records that share their time with all others; return the ids of all, in the order of the newest first."""
    auditor.write(*(record() for _ in range(count)))
    auditor.database.execute("UPDATE audit.audit_logs SET created_at = '2026-01-01T00:00:00Z'")
    return [item["id"] for item in auditor.api(limit="1000")]


def follow(auditor: Auditor, page: Page, rel: str) -> list[Page]:
    """Return the page and all that links of this kind lead to, one after the other."""
    pages = [page]
    while links := pages[-1].links(rel=rel):
        answer = auditor.get(links[0])
        # What is newer than a page may not fill one: then the newest page is shown, and that is a full one.
        pages.append(parsed(answer.text) if answer.status_code == 200 else auditor.page(answer.headers["location"]))
        assert len(pages) < 50
    return pages


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_pages_lead_to_the_end_and_back(auditor: Auditor, order: str) -> None:
    ids = store(auditor, 15)
    ids = ids if order == "desc" else ids[::-1]
    first = auditor.page("records", order=order, limit=LIMIT, columns="mode")
    ahead = follow(auditor, first, "next")
    assert [shown_ids(page) for page in ahead] == [ids[start : start + 4] for start in (0, 4, 8, 12)]
    assert first.links(rel="prev") == []
    back = follow(auditor, ahead[-1], "prev")
    assert [shown_ids(page) for page in back] == [shown_ids(page) for page in ahead[::-1]]
    for page in (*ahead, *back):
        assert len(page.all("th", scope="col")) == 4  # shown in the same way


def test_records_that_come_meanwhile_move_no_page_and_are_on_newer_ones(auditor: Auditor) -> None:
    old = store(auditor, 10)
    first = auditor.page("records", limit=LIMIT)
    second = auditor.page(first.links(rel="next")[0])
    auditor.write(*(record() for _ in range(6)))
    assert shown_ids(auditor.page(first.links(rel="next")[0])) == shown_ids(second) == old[4:8]
    back = follow(auditor, second, "prev")
    seen = [each for page in back[::-1] for each in shown_ids(page)]
    assert list(dict.fromkeys(seen)) == [item["id"] for item in auditor.api(limit="1000")][: len(set(seen))]
    assert set(seen) == {item["id"] for item in auditor.api(limit="1000")} - set(old[8:])
    assert len(shown_ids(back[-1])) == 4  # the newest page is a full one
    assert back[-1].links(rel="prev") == []


def test_a_page_of_filtered_records_leads_to_filtered_records(auditor: Auditor) -> None:
    auditor.write(*(record(agent_id=name) for name in ("kyc", "pay") * 6))
    pages = follow(auditor, auditor.page("records", agent_id="kyc", limit=LIMIT), "next")
    assert [len(shown_ids(page)) for page in pages] == [4, 2]
    assert [len(shown_ids(page)) for page in follow(auditor, pages[-1], "prev")] == [2, 4]


def test_a_cursor_of_another_list_is_refused(auditor: Auditor) -> None:
    store(auditor, 6)
    (link,) = auditor.page("records", limit=LIMIT).links(rel="next")
    assert auditor.get(link).status_code == 200
    for changed in (f"{link}&agent_id=kyc", f"{link}&order=asc", link[:-1]):
        assert auditor.get(changed).status_code == 422
    auditor.key = auditor.database.issue_api_key("globex")
    assert auditor.sign_in().status_code == 303
    assert auditor.get(link).status_code == 422


def test_newer_records_are_announced_and_the_table_stays_where_it_is(desk: Desk) -> None:
    desk.write(record(user_id="early"))
    page = desk.tab("records")
    page.clock.install()
    page.get_by_label("API key").fill(desk.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.clock.fast_forward(11_000)
    for count, told in ((1, "1 newer record. Show them"), (2, "2 newer records. Show them")):
        desk.write(record(user_id=f"late {count}"))
        page.clock.fast_forward(11_000)
        expect(page.locator("#newer")).to_have_text(told)
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody tr")).to_contain_text("early")
    page.get_by_role("link", name="Show them").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("#newer")).to_be_hidden()


def test_nothing_is_announced_on_a_list_that_cannot_get_newer_records(desk: Desk) -> None:
    desk.write(*(record() for _ in range(3)))
    page = desk.signed_in()
    expect(page.locator("tbody tr")).to_have_count(3)
    for query, is_told in (("", 1), ("?end_time=2999-01-01T00:00:00Z", 0), ("?order=asc", 0), ("?agent_id=x", 0)):
        page.goto(f"{desk.url}records{query}")
        expect(page.locator("#newer[data-count]")).to_have_count(is_told)

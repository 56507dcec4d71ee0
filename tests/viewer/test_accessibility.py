"""axe-core finds nothing on any page, in light and dark, narrow and printed; and what it cannot see."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.bulk_calls import record
from tests.viewer.desk import Desk, sign_in

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return isOutlined || document.activeElement === document.body;
}"""


def findings(page: Page) -> list[str]:
    """Return what axe-core finds on the page, each with its place."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {[node['html'][:120] for node in rule['nodes']]}" for rule in found]


def store(desk: Desk) -> str:
    ids = desk.write(
        record(trace_id="t", user_id="jane", status="started"),
        record(agent_id="pay", user_id="joe", status="error", http_status=502, latency_ms=7, error="bad gateway"),
        record(agent_id="pay", status="denied", error="LIVE is disabled"),
        record(
            agent_id="x" * 128, user_id="w" * 256, trace_id="y" * 128, mode="DRY_RUN", context={"event": "approved"}
        ),
        record(trace_id="u", agent_id="שלום", context={"gen_ai.tool.name": "search", "policy_id": "p" * 300}),
    )
    return ids[0]


@SCHEMES
def test_axe_finds_nothing(desk: Desk, scheme: Any) -> None:
    record_id = store(desk)
    key = desk.seal_and_sign()
    desk.expected = ("401", "404", "422")
    page = desk.tab("sign-in", color_scheme=scheme)
    assert findings(page) == []
    sign_in(page, "wrong")
    assert findings(page) == []
    sign_in(page, desk.key)
    expect(page).to_have_url(f"{desk.url}records")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(253, 253, 252)" if scheme == "light" else "rgb(22, 24, 26)"
    )
    for path in (
        "records", "records?columns=agent_id,user_id,mode,http_status,latency_ms,trace_id,api_key_id,recorded_at,id",
        "records?last=1h&status=error", "records?agent_id=nobody", "records?limit=2", "records?nothing=1", "events",
        "events?act=epoch+begun", "overview", "records/x", "verify",
    ):  # fmt: skip
        page.goto(desk.url + path)
        for summary in page.locator("summary").all():
            if not summary.evaluate("each => each.parentElement.open"):
                summary.click()
        assert findings(page) == [], path
    page.goto(f"{desk.url}records/{record_id}")
    for summary in page.locator("summary").all():
        summary.click()
    assert findings(page) == []
    for given in (key, ""):
        page.get_by_label("Public key of the signer").fill(given)
        page.get_by_role("button", name="Verify in this browser").click()
        expect(page.locator("#verdict li")).to_have_count(4)
        assert findings(page) == []
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == []


@SCHEMES
def test_whatever_has_the_focus_shows_it(desk: Desk, scheme: Any) -> None:
    record_id = store(desk)
    page = desk.signed_in(color_scheme=scheme)
    expect(page).to_have_url(f"{desk.url}records")
    for path, least in (("records", 30), (f"records/{record_id}", 15), ("events", 8), ("overview", 8)):
        page.goto(desk.url + path)
        reached: list[str] = []
        while True:
            page.keyboard.press("Tab")
            assert page.evaluate(OUTLINE), page.evaluate("document.activeElement.outerHTML")
            place = page.evaluate("document.activeElement === document.body")
            if place or len(reached) > 200:
                break
            reached.append(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
        assert least <= len(reached) <= 200
    page.goto(f"{desk.url}records")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_narrow_screen_needs_no_scrolling_sideways_but_in_the_table(desk: Desk) -> None:
    record_id = store(desk)
    page = desk.signed_in(viewport={"width": 320, "height": 700})
    expect(page).to_have_url(f"{desk.url}records")
    for path in (
        "records",
        "records?columns=trace_id,id,agent_id",
        f"records/{record_id}",
        "events",
        "overview",
        "records/x",
    ):
        desk.expected = ("422",)
        page.goto(desk.url + path)
        for summary in page.locator("summary").all():
            if not summary.evaluate("each => each.parentElement.open"):
                summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path


def test_each_status_is_a_word_beside_its_colour_and_the_table_is_one(desk: Desk) -> None:
    store(desk)
    page = desk.signed_in()
    expect(page.locator("tbody tr")).to_have_count(5)
    assert sorted(page.locator("tbody .status").all_inner_texts()) == sorted(
        ["… started", "✕ error", "⊘ denied", "✓ success", "✓ success"]
    )
    expect(page.get_by_role("columnheader")).to_have_text(["When", "What", "Status"])
    expect(page.get_by_role("rowheader")).to_have_count(5)
    expect(page.get_by_role("table")).to_contain_text("5 records, newest first. Times are in UTC.")
    for landmark in ("banner", "main", "search"):
        expect(page.get_by_role(landmark)).to_have_count(1)


def test_on_paper_there_are_the_records_alone_and_in_black(desk: Desk) -> None:
    record_id = store(desk)
    page = desk.signed_in(color_scheme="dark")
    expect(page.locator("tbody tr")).to_have_count(5)
    page.emulate_media(media="print")
    for hidden in (".filters", ".presets", "nav", "form"):
        assert not [each for each in page.locator(hidden).all() if each.is_visible()], hidden
    expect(page.get_by_role("table")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    for path in ("records", f"records/{record_id}"):
        page.goto(desk.url + path)
        dim = page.evaluate(
            """() => [...document.querySelectorAll("main *")]
              .filter(each => each.checkVisibility() && each.textContent.trim())
              .map(each => getComputedStyle(each).color.match(/\\d+/g).slice(0, 3).map(Number))
              .filter(([r, g, b]) => .2126 * r + .7152 * g + .0722 * b > 140).length"""
        )
        assert dim == 0, path

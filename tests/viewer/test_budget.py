"""How much a browser loads for the first page of the list: a budget, so that it stays quick over a slow line."""

from tests.viewer.test_hostile_fields import filled
from tests.viewer.visits import Auditor, parsed

MAX_BYTES = {"page": 60_000, "view.css": 10_000, "view.js": 10_240, "icon.svg": 1_000}


def test_the_first_page_loads_three_files_and_stays_within_its_budget(auditor: Auditor) -> None:
    auditor.write(*(filled("word ", long=True) for _ in range(50)))
    html = auditor.get("records").text
    shown = parsed(html)
    needed = [each["href"] or "" for each in shown.all("link")] + [each["src"] or "" for each in shown.all("script")]
    assert sorted(each.rsplit("/", 1)[1] for each in needed) == ["icon.svg", "view.css", "view.js"]
    sizes = {"page": len(html.encode())} | {each.rsplit("/", 1)[1]: len(auditor.get(each).content) for each in needed}
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES[name]} == {}


def test_the_files_of_a_page_are_kept_by_the_browser_and_the_page_is_not(auditor: Auditor) -> None:
    page = auditor.get("records")
    assert page.headers["cache-control"] == "no-store"
    for each in parsed(page.text).all("link"):
        assert auditor.get(each["href"] or "").headers["cache-control"] == "public, max-age=31536000, immutable"

"""`make screenshots`: pictures of the pages below /view, for docs/view, on a private server with made-up records."""

import os
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.sign import files, notes
from tests.support.chromium import BROWSER
from tests.support.keeping import SERVICE, keeping
from tests.support.processes import running_service
from tests.support.signing import LOG
from tests.viewer import demo_records
from tests.viewer.desk import sign_in

FOLDER = Path(__file__).parents[2] / "docs" / "view"
MAX_BYTES = 150_000


def main() -> None:
    """Write every picture; fail where one is too large for a page of documentation."""
    FOLDER.mkdir(exist_ok=True)
    with keeping("acme") as bank:
        demo_records.store(bank.server.cluster.url("postgres", "ringfence"))
        bank.server.seal()
        bank.sign()
        public_key = notes.key_of(notes.origin_of(LOG, "acme", 1), files.load(bank.folder / "signer").current)
        with (
            running_service(database_url=bank.server.cluster.url(SERVICE, "ringfence")) as service,
            sync_playwright() as playwright,
        ):
            flags = ["--disable-lcd-text", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
            browser = playwright.chromium.launch(executable_path=BROWSER, args=flags)
            address = f"{str(service.http.base_url).rstrip('/')}/view/records"
            for scheme in ("light", "dark"):
                page = _signed_in(browser, address, bank.keys["acme"], scheme)
                _take(page, f"records-{scheme}")
            page = _signed_in(browser, address, bank.keys["acme"], "light")
            page.goto(address.replace("records", "overview"))
            _take(page, "overview")
            page.goto(f"{address}/{demo_records.id_of(demo_records.UNKNOWN, 0)}")
            _take(page, "record-unknown-outcome")
            page.goto(f"{address}/{demo_records.id_of(demo_records.PROVEN)}")
            page.get_by_label("Public key of the signer").fill(str(public_key))
            page.get_by_role("button", name="Verify in this browser").click()
            expect(page.locator("#verdict .pass")).to_have_count(4)
            page.locator("#verdict").evaluate("each => each.scrollIntoView({block: 'end'})")
            _take(page, "record-verified")
            browser.close()


def _signed_in(browser: Browser, address: str, key: str, scheme: Literal["light", "dark"]) -> Page:
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1120, "height": 740})
    page.goto(address)
    sign_in(page, key)
    expect(page.get_by_role("table")).to_be_visible()
    return page


def _take(page: Page, name: str) -> None:
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size:,} bytes")
    if file.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{file.name} is larger than {MAX_BYTES:,} bytes")


if __name__ == "__main__":
    main()

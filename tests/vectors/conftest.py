"""docs/verify.html in a headless Chromium, one for the tests of a file."""

from collections.abc import Iterator

import pytest

from tests.support.chromium import Tab, chromium
from tests.vectors.page_policy import PAGE


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    """A browser for the tests of this module."""
    with chromium() as tab:
        yield tab


@pytest.fixture
def page(browser: Tab) -> Tab:
    """The page, as it is when it is opened."""
    browser.call("Emulation.setEmulatedMedia", features=[])
    browser.open(PAGE)
    browser.events.clear()
    return browser

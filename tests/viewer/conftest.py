"""Somebody before a service that proves tenants by keys, over HTTP alone or in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import CreateRole, Serve, TestDatabase
from tests.support.chromium import BROWSER
from tests.support.processes import running_service
from tests.support.signing import SignerAt
from tests.viewer import visits
from tests.viewer.desk import Desk
from tests.viewer.visits import Auditor


@pytest.fixture
def stranger(serve: Serve, database: TestDatabase) -> Auditor:
    """Somebody who has a key, and has not signed in."""
    return visits.auditor(serve, database)


@pytest.fixture
def auditor(stranger: Auditor) -> Auditor:
    """Somebody who has signed in."""
    assert stranger.sign_in().status_code == 303
    return stranger


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one module: while it is open, no event loop can run in this thread."""
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses root otherwise
        browser = playwright.chromium.launch(executable_path=BROWSER, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def desk(chromium: Browser, database: TestDatabase, create_role: CreateRole, tmp_path: Path) -> Iterator[Desk]:
    """A browser before the service, which has no record yet. It fails where a page complains or asks another host."""
    signer = SignerAt(tmp_path / "signer", database.url(create_role(member_of=("audit_signer",))))
    with running_service(database_url=database.url("audit_app")) as service:
        desk = Desk(chromium, service, database, signer, database.issue_api_key("acme"))
        try:
            yield desk
        finally:
            desk.close()

"""The commands of docs/view.md, run as they stand there, and what they print used in a browser's place."""

import re

import httpx

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.processes import running_service
from tests.support.shell import Shell

PAGE = "docs/view.md"
FROM_A_FORM = {"Sec-Fetch-Site": "same-origin"}


def test_the_key_that_is_issued_signs_in(shell: Shell, database: TestDatabase) -> None:
    (issue,) = pages.commands(PAGE, "Sign in")
    (key,) = re.findall(r"rf_[0-9a-f]{16}_[0-9a-f]{64}", shell.run(issue))
    with running_service(database_url=database.url("audit_app")) as service:
        browser = service.http
        signed_in = browser.post("/view/sign-in", data={"api_key": key}, headers=FROM_A_FORM)
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "records")
        assert browser.get("/view/records").status_code == 200


def test_the_link_that_is_issued_opens_once(shell: Shell, database: TestDatabase) -> None:
    (issue,) = pages.commands(PAGE, "A link for an auditor")
    with running_service(database_url=database.url("audit_app")) as service:
        url = str(service.http.base_url)
        shell.variables["RINGFENCE_URL"] = url
        (link,) = re.findall(r"http\S+/view/open/rfl_\S+", shell.run(issue))
        for opens in (True, False):
            with httpx.Client() as browser:
                assert browser.get(link).status_code == 200
                opened = browser.post(link, headers=FROM_A_FORM)
                assert opened.status_code == (303 if opens else 410)
                assert browser.get(f"{url}/view/records").status_code == (200 if opens else 303)

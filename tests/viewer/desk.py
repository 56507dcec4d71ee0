"""An auditor's desk: a real browser before the real service, with the signer beside it."""

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.support.bulk_calls import send_json
from tests.support.calls import records
from tests.support.database import TestDatabase
from tests.support.processes import ServiceProcess
from tests.support.sealing import seal
from tests.support.signing import LOG, SignerAt


@dataclass
class Desk:
    """Tabs of a browser, and what they have complained of and asked for.

    key: an API key of acme with every scope. expected: what the console shows because of a test's own refusals.
    """

    browser: Browser
    service: ServiceProcess
    database: TestDatabase
    signer: SignerAt
    key: str
    expected: tuple[str, ...] = ()
    _contexts: list[BrowserContext] = field(default_factory=list)
    _complaints: list[str] = field(default_factory=list)
    _asked: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where the pages begin."""
        return f"{str(self.service.http.base_url).rstrip('/')}/view/"

    def tab(self, path: str = "", **options: Any) -> Page:
        """Open a page in a new browser profile. options: as browser.new_context() takes them."""
        context = self.browser.new_context(**options)
        context.set_default_timeout(10_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("request", lambda request: self._asked.add(request.url))
        if path:
            page.goto(self.url + path)
        return page

    def signed_in(self, path: str = "records", **options: Any) -> Page:
        """Open a page in a new browser profile, signed in by the form."""
        page = self.tab(path, **options)
        sign_in(page, self.key)
        return page

    def write(self, *given: dict[str, Any]) -> list[str]:
        """Store records of acme; return the ids of all that are stored, oldest first."""
        if given:
            assert send_json(self.service.http, list(given), api_key=self.key).status_code == 201
        return [str(item["id"]) for item in records(self.service.http, api_key=self.key)]  # type: ignore[arg-type]

    def seal_and_sign(self) -> str:
        """Seal every record, and have the signer sign every tree; return the public key of acme's."""
        seal(self.database)
        if not self.signer.directory.exists():
            assert self.signer.command("init", "--name", LOG).returncode == 0
        signed = self.signer.command("run", "--once")
        assert signed.returncode == 0, signed.stderr
        return self.signer.command("vkey", "--tenant", "acme").stdout.strip()

    def revoke(self) -> None:
        """Revoke the key."""
        self.database.execute("SELECT audit.revoke_api_key(p_id => %s)", self.key.split("_")[1])

    def close(self) -> None:
        """Close every tab; fail where one has complained, or has asked another host for something."""
        for context in self._contexts:
            context.close()
        unexpected = [each for each in self._complaints if not any(known in each for known in self.expected)]
        assert not unexpected, unexpected
        elsewhere = {url for url in self._asked if not url.startswith((self.url, "data:"))}
        assert elsewhere <= {self.url.removesuffix("/")}, elsewhere

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(message.text)


def sign_in(page: Page, key: str) -> None:
    """Fill in the form for signing in, and send it."""
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()

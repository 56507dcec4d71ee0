"""What a browser does below /view, over HTTP alone: it sends forms of its own site, and reads pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi.testclient import TestClient
from pydantic import SecretStr

from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import send_json
from tests.support.calls import page, records

COOKIE = "ringfence_key"
OWN_SITE = {"Sec-Fetch-Site": "same-origin"}
UNKNOWN_KEY = f"rf_{'0' * 16}_{'0' * 64}"


@dataclass
class Page:
    """A page, parsed. elements: in order, each its name and attributes."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def all(self, name: str, /, **attributes: str) -> list[dict[str, str | None]]:
        """Return the attributes of the elements of this name that have these attributes."""
        return [each for element, each in self.elements if element == name and attributes.items() <= each.items()]

    def links(self, **attributes: str) -> list[str]:
        """Return where the links with these attributes lead."""
        return [each["href"] or "" for each in self.all("a", **attributes)]

    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return names of elements and attributes: what a text must not be able to change."""
        return [(name, tuple(sorted(attributes))) for name, attributes in self.elements]

    def values(self) -> dict[str, str]:
        """Return the fields of the page's first form for filters as they are filled in, without empty ones."""
        shown = {each["name"]: each.get("value") for _, each in self.elements if each.get("name") and each.get("value")}
        return {name: value for name, value in shown.items() if name and value}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.page.text += data


def parsed(html: str) -> Page:
    """Return a page, parsed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


@dataclass
class Auditor:
    """Somebody with a browser and a key of acme with every scope, before a service that proves tenants by keys."""

    client: TestClient
    database: TestDatabase
    key: str

    def write(self, *given: dict[str, Any]) -> list[str]:
        """Store records of acme; return the ids of all that are stored, oldest first."""
        if given:
            assert send_json(self.client, list(given), api_key=self.key).status_code == 201
        return [str(item["id"]) for item in records(self.client, api_key=self.key)]

    def api(self, **query: str) -> list[dict[str, Any]]:
        """Return what the API lists for the same key."""
        return list(page(self.client, api_key=self.key, **query)["items"])

    def sign_in(self, key: str | None = None, **headers: str) -> Any:
        """Send the form for signing in; the client keeps the cookie that it may get."""
        return self.post("/view/sign-in", {"api_key": self.key if key is None else key}, OWN_SITE | headers)

    def post(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] = OWN_SITE) -> Any:
        """Send a form, and follow no redirect."""
        return self.client.post(path, headers=headers, data=form, follow_redirects=False)

    def get(self, path: str, **query: str) -> Any:
        """Ask for a page, and follow no redirect."""
        more = f"{'&' if '?' in path else '?'}{urlencode(query)}" if query else ""
        return self.client.get(f"/view/{path}{more}", follow_redirects=False)

    def page(self, path: str, **query: str) -> Page:
        """Return a page that is there."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return parsed(answer.text)


def auditor(serve: Serve, database: TestDatabase) -> Auditor:
    """Start a service, and return somebody before it who has not signed in yet."""
    return Auditor(serve(database_url=SecretStr(database.url("audit_app"))), database, database.issue_api_key("acme"))


def parameters(address: str) -> dict[str, str]:
    """Return the query of an address."""
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


def shown_ids(page: Page) -> list[str]:
    """Return the ids of the records that a list shows, in order."""
    return [address.partition("?")[0].removeprefix("records/") for address in page.links(**{"class": "row"})]

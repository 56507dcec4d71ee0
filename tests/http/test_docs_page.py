"""The page of documentation works where there is no internet: all it loads is the service's own."""

import re
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve
from tests.support.calls import assert_problem

OTHER_HOST = re.compile(r"""(?:src|href|url)\s*[=:(]\s*["']?(?:https?:)?//""")


@pytest.fixture
def client(serve_file: Serve) -> TestClient:
    return serve_file()


def test_the_page_loads_what_the_service_has_and_nothing_else(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not OTHER_HOST.search(page.text)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 4

    kinds = [client.get(urljoin("/docs", address)).headers["content-type"].partition(";")[0] for address in addresses]
    assert kinds == ["image/png", "text/css", "text/javascript", "text/javascript"]
    start = client.get("/docs/start.js").text
    assert client.get(urljoin("/docs", re.findall(r'url: "([^"]+)"', start)[0])).json()["openapi"].startswith("3.")
    assert "http" not in start


def test_the_browser_is_told_to_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    policy = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert {word for words in policy.values() for word in words.split()} == {
        "'none'", "'self'", "'unsafe-inline'", "data:"
    }  # fmt: skip
    assert "'unsafe-inline'" in policy["style-src"]
    assert not re.search(r"<script(?! src=)|\bon\w+=", page.text)


def test_the_style_sheet_loads_nothing_from_another_host(client: TestClient) -> None:
    sheet = client.get("/docs/assets/swagger-ui.css")
    assert sheet.status_code == 200
    assert not OTHER_HOST.search(sheet.text)


def test_a_second_page_of_documentation_is_not_there(client: TestClient) -> None:
    assert client.get("/docs").status_code == 200
    assert_problem(client.get("/redoc"), 404, "not-found")


def test_an_asset_is_sent_to_head_and_refuses_other_methods(client: TestClient) -> None:
    path = "/docs/assets/swagger-ui.css"
    assert client.head(path).headers["content-length"] == client.get(path).headers["content-length"]
    answer = client.delete(path)
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"
    assert_problem(client.get("/docs/assets/nothing"), 404, "not-found")
    assert_problem(client.get("/docs/assets/%2e%2e/core.py"), 404, "not-found")

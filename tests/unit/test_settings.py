"""Settings: values that are taken, and values that are refused with the name of their variable."""

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.settings import Settings, SettingsRefused, read_settings
from tests.conftest import Serve
from tests.support.calls import assert_problem


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://a.example/", "https://a.example"),
        ("HTTPS://A.Example", "https://a.example"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("  https://a.example:8443 ", "https://a.example:8443"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
    ],
)
def test_an_origin_is_taken_in_the_form_in_which_browsers_send_it(serve_file: Serve, given: str, sent: str) -> None:
    client = serve_file(allowed_origins=f"https://first.example,{given},")

    for origin in (sent, "https://first.example"):
        answer = client.get("/api/v1/health", headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "*", "null", "a.example", "//a.example", "https://", "https://a.example/app", "https://a.example?x=1",
        "https://a.example#x", "https://u:Pq7zXw@a.example", "https://*.a.example", "https://a.example:0",
        "https://a.example:99999", "https://a.example:port", "https://bücher.example", "https://a b.example",
        "https://[::1", "https://[::g]", "https://[1:2]", "file:///",
    ],
)  # fmt: skip
def test_an_origin_that_no_browser_sends_is_refused(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", f"https://a.example, {origin}")

    with pytest.raises(SettingsRefused, match=r"^ALLOWED_ORIGINS: .*origin 2") as refused:
        read_settings()
    assert "Pq7zXw" not in str(refused.value)


@pytest.mark.parametrize("variable", ["DATABASE_POOL_TIMEOUT", "EXPORT_TIMEOUT", "EXPORT_STALL_TIMEOUT"])
@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "soon"])
def test_a_time_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, seconds: str) -> None:
    monkeypatch.setenv(variable, seconds)
    with pytest.raises(SettingsRefused, match=rf"^{variable}: "):
        read_settings()

    monkeypatch.setenv(variable, "0.5")
    assert read_settings()


@pytest.mark.parametrize("token", ["café", "two words", "line\n", " ", "\t"])
def test_a_metrics_token_that_cannot_arrive_in_a_header_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("METRICS_TOKEN", token)
    with pytest.raises(SettingsRefused, match=r"^METRICS_TOKEN: "):
        read_settings()

    monkeypatch.setenv("METRICS_TOKEN", "s3cret~!")
    assert read_settings().metrics_token


@pytest.fixture
def client(serve_file: Serve) -> TestClient:
    return serve_file(metrics_token="s3cret")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_of_the_metrics_token_may_be_written_in_any_case(client: TestClient, scheme: str) -> None:
    assert client.get("/metrics", headers={"Authorization": f"{scheme} s3cret"}).status_code == 200
    assert_problem(client.get("/metrics", headers={"Authorization": f"{scheme} s3cre"}), 403, "metrics-refused")


@pytest.mark.parametrize("given", ["Basic s3cret", "s3cret", "Bearers3cret", "Bearer", ""])
def test_another_scheme_than_bearer_opens_no_metrics(client: TestClient, given: str) -> None:
    assert_problem(client.get("/metrics", headers={"Authorization": given}), 403, "metrics-refused")


@pytest.mark.parametrize(
    "name",
    [
        "spool_max_bytes", "database_pool_size", "database_pool_timeout", "exports_at_once", "export_timeout",
        "export_stall_timeout", "max_body_bytes", "max_bulk_bytes", "max_bulk_requests", "shutdown_timeout",
        "web_concurrency",
    ],
)  # fmt: skip
def test_zero_is_refused_and_is_not_taken_for_the_default(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name.upper(), "0")
    with pytest.raises(ValidationError, match=name):
        Settings()
    monkeypatch.setenv(name.upper(), "1")
    assert getattr(Settings(), name) == 1


def test_a_standby_needs_the_database_that_it_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_DATABASE_URL", "postgresql://audit_app@standby.example/ringfence")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(SettingsRefused, match=r"^READ_DATABASE_URL: another way to DATABASE_URL, which is not set$"):
        read_settings()
    monkeypatch.setenv("DATABASE_URL", "postgresql://audit_app@primary.example/ringfence")
    assert read_settings().read_database_url is not None

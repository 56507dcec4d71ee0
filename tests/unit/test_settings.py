"""Environment variables: which values the service takes, and which it refuses, in one line that names the variable."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.settings import Settings, SettingsRefused, read_settings
from tests.conftest import Serve
from tests.support.calls import assert_problem
from tests.support.processes import ROOT, environment, refused_service, running_service


def refusal(tmp_path: Path, **settings: object) -> str:
    """Return the one line in which the service refuses to start."""
    ended = refused_service(**{"audit_log_path": tmp_path / "audit.jsonl"} | settings)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("ringfence: ")]
    return line.removeprefix("ringfence: refusing to serve: ")


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


@pytest.mark.parametrize("workers", ["abc", "0", "-1", "1.5"])
def test_a_number_of_workers_that_is_none_is_refused(tmp_path: Path, workers: str) -> None:
    assert refusal(tmp_path, web_concurrency=workers).startswith("WEB_CONCURRENCY: ")


@pytest.mark.parametrize("host", ["x86_64-conda-linux-gnu", "[::1]", "http://127.0.0.1", "a..b", "192.0.2.1"])
def test_a_host_that_is_no_address_of_this_machine_is_refused(tmp_path: Path, host: str) -> None:
    assert refusal(tmp_path, host=host).startswith("HOST: ")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_taken_is_refused(tmp_path: Path, taken: int, workers: int) -> None:
    line = refusal(tmp_path, port=taken, web_concurrency=workers)

    assert line.startswith("PORT: ")
    assert f"{taken}: Address already in use" in line


@pytest.mark.skipif(
    int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80, reason="no port is privileged here"
)
def test_a_privileged_port_is_refused(tmp_path: Path) -> None:
    without_the_privilege = ["setpriv", "--bounding-set", "-net_bind_service"] if os.geteuid() == 0 else []
    ended = subprocess.run(
        [*without_the_privilege, sys.executable, "-m", "app"], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=environment(port=80, audit_log_path=tmp_path / "audit.jsonl"), check=False,
    )  # fmt: skip
    assert ended.returncode == 3
    assert ended.stderr.startswith("ringfence: refusing to serve: PORT: "), ended.stderr


def test_an_agents_file_that_cannot_be_used_is_named_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "agents.toml").write_text("[agents.a]\nurl = 7\n")

    refused = refusal(tmp_path, agents_file=tmp_path / "agents.toml")
    assert refused.startswith("AGENTS_FILE: ")
    assert "agent a: url: " in refused
    assert refusal(tmp_path, agents_file="/nowhere").startswith("AGENTS_FILE: ")


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("module", ["app", "app.local"])
def test_help_names_every_variable_with_its_default_and_serves_nothing(tmp_path: Path, module: str, flag: str) -> None:
    ended = command(tmp_path, module, flag)

    assert ended.returncode == 0, ended.stderr
    for name, field in Settings.model_fields.items():
        assert f"  {name.upper()} (default: " in ended.stdout
        assert field.description
    assert "HOST (default: 127.0.0.1)" in ended.stdout
    assert "LIVE_ENABLED (default: false)" in ended.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("app", ["serve"]), ("app", ["--port", "1"]), ("app.local", []), ("app.local", ["nonsense"]),
     ("app.local", ["with"]), ("app.local", ["with", "true"]), ("app.local", ["serve", "now"])],
)  # fmt: skip
def test_arguments_that_are_unknown_are_answered_with_the_usage(
    tmp_path: Path, module: str, arguments: list[str]
) -> None:
    ended = command(tmp_path, module, *arguments)

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"usage: python -m {module}")
    assert not list(tmp_path.iterdir())


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=environment(port=0) | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def free_port(host: str) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1", "localhost"])
def test_the_health_check_of_the_image_asks_where_the_service_listens(tmp_path: Path, host: str) -> None:
    settings: dict[str, object] = {"host": host, "port": free_port("::1" if ":" in host else "127.0.0.1")}

    def check() -> int:
        words = [sys.executable, "-m", "app.health_check"]
        return subprocess.run(words, cwd=ROOT, env=environment(**settings), check=False).returncode

    assert check() == 1
    with running_service(**settings, trust_tenant_header=True, audit_log_path=tmp_path / "audit.jsonl"):
        assert check() == 0


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

"""python -m app as a process: what it refuses to start with, in one line, its help, and its health check."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.support.processes import ROOT, environment, refused_service, running_service


def refusal(tmp_path: Path, **settings: object) -> str:
    """Return the one line in which the service refuses to start."""
    ended = refused_service(**{"audit_log_path": tmp_path / "audit.jsonl"} | settings)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("ringfence: ")]
    return line.removeprefix("ringfence: refusing to serve: ")


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

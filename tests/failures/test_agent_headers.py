"""Headers for agents: from the environment or a file, checked at the start, and seen by the agent alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services.agents import load_agents
from tests.conftest import Serve
from tests.support.calls import execute, page
from tests.support.processes import refused_service, running_service
from tests.support.stub_agent import StubAgent, running_agent

SECRET = "s3cret-t0ken"
URL = 'url = "https://agents.internal.example/score"'


@pytest.fixture
def agent() -> Iterator[StubAgent]:
    with running_agent() as agent:
        yield agent


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCORING_TOKEN", SECRET)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    return tmp_path / "agents.toml"


def with_headers(file: Path, *headers: str, name: str = "scoring", url: str = URL) -> Path:
    file.write_text("\n".join([f"[agents.{name}]", url, f"[agents.{name}.headers]", *headers]))
    return file


def test_values_come_from_the_environment_a_file_or_where_they_are_no_secret_the_text(file: Path) -> None:
    with_headers(
        file,
        'Authorization = {env = "SCORING_TOKEN", prefix = "Bearer "}',
        f'x-api-key = {{file = "{file.parent / "secret"}"}}',
        'X-Client = "ringfence"',
    )
    found = {name: value.get_secret_value() for name, value in load_agents(file)["scoring"].headers.items()}
    assert found == {
        "authorization": f"Bearer {SECRET}".encode(),
        "x-api-key": SECRET.encode(),
        "x-client": b"ringfence",
    }


def test_the_agent_is_sent_its_headers_and_nobody_else_sees_them(
    serve_file: Serve, agent: StubAgent, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_headers(
        file, 'authorization = {env = "SCORING_TOKEN", prefix = "Bearer "}', 'x-client = "ringfence"',
        name="credit-scoring", url=f'url = "{agent.url}/score"',
    )  # fmt: skip
    client = serve_file(live_enabled=True, agents_file=file)
    seen = [execute(client).text, execute(client, mode="LIVE").text]
    agent.status = 500
    seen += [execute(client, mode="LIVE").text, json.dumps(page(client)), caplog.text, repr(load_agents(file))]

    assert [headers["authorization"] for _, headers, _ in agent.calls] == [f"Bearer {SECRET}"] * 2
    assert [headers["x-client"] for _, headers, _ in agent.calls] == ["ringfence"] * 2
    assert [headers["content-type"] for _, headers, _ in agent.calls] == ["application/json"] * 2
    assert not [text for text in seen if SECRET in text]


def test_a_running_service_prints_no_secret(agent: StubAgent, file: Path, tmp_path: Path) -> None:
    with_headers(
        file, 'authorization = {env = "SCORING_TOKEN"}', name="credit-scoring", url=f'url = "{agent.url}/score"'
    )
    settings = {"audit_log_path": tmp_path / "audit.jsonl", "live_enabled": True, "agents_file": file}
    with running_service(**settings) as service:
        body = {"input": {}, "mode": "LIVE"}
        headers = {"X-Tenant-ID": "acme"}
        path = "/api/v1/agents/credit-scoring/execute"
        assert service.http.post(path, json=body, headers=headers).json()["status"] == "success"
        assert SECRET not in service.printed()
    assert agent.calls[0][1]["authorization"] == SECRET
    assert SECRET not in (tmp_path / "audit.jsonl").read_text()


@pytest.mark.parametrize(
    ("header", "why"),
    [
        *(
            (f'{name} = "{SECRET}"', "secret")
            for name in ("authorization", "Cookie", "X-API-Key", "x-auth-token", "apikey")
        ),
        ('authorization = {env = "NOT_SET"}', "NOT_SET is not set"),
        ('authorization = {env = "EMPTY"}', "EMPTY is not set, or empty"),
        ('authorization = {file = "/nowhere/scoring"}', "/nowhere/scoring is not there"),
        ('authorization = {file = "/"}', "no file"),
        ('authorization = {file = "secret"}', "absolute path"),
        ('authorization = {env = "SCORING_TOKEN", file = "/x"}', "exactly one of env and file"),
        ('authorization = {prefix = "Bearer "}', "exactly one of env and file"),
        ('authorization = {env = "SCORING_TOKEN", suffix = "x"}', "exactly one of env and file"),
        ('authorization = {env = "SCORING_TOKEN", prefix = "Bearer s3cret-t0ken"}', "prefix"),
        ("authorization = {env = 7}", "is a text"),
        ("x-client = 7", "is a text"),
        ('x-client = ""', "empty"),
        ('x-client = "a\\r\\nX-Other: b"', "line end"),
        ('x-client = "a\\n"', "line end"),
        ('x-client = "a\\u0000"', "control character"),
        ('x-client = " a"', "blank"),
        ('x-client = "\u20ac"', "Latin-1"),
        ('authorization = {env = "TWO_LINES"}', "line end"),
        ('authorization = {env = "EURO"}', "Latin-1"),
        *(
            (f'{name} = "x"', "is not for an agent")
            for name in ("Host", "connection", "Transfer-Encoding", "TE", "Upgrade", "Content-Type", "content-length")
        ),
        *(
            (f'{name} = "x"', "is not for an agent")
            for name in ("proxy-authorization", "Accept-Encoding", "X-Trace-ID")
        ),
        ('"x client" = "x"', "not a valid header name"),
        ('"x:\\u001b[31m" = "x"', "not a valid header name"),
        ('"" = "x"', "not a valid header name"),
        ('x-client = "a"\nX-Client = "b"', "is given more than once"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_one_line_that_names_agent_and_header(
    file: Path, monkeypatch: pytest.MonkeyPatch, header: str, why: str
) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("TWO_LINES", f"{SECRET}\r\nX-Other: b")
    monkeypatch.setenv("EURO", f"{SECRET}\u20ac")
    with pytest.raises(ValueError) as refusal:
        load_agents(with_headers(file, header))
    told = str(refusal.value)
    assert why in told
    assert "agent scoring: headers: header " in told
    assert SECRET not in told
    assert told.isprintable()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"one\ntwo\n", b"x" * 9000, "\u20ac".encode()])
def test_a_file_that_holds_no_value_is_refused_and_not_repeated(file: Path, content: bytes) -> None:
    secret = file.parent / "secret"
    secret.write_bytes(content)
    with pytest.raises(ValueError, match="agent scoring: headers: header authorization: "):
        load_agents(with_headers(file, f'authorization = {{file = "{secret}"}}'))
    secret.write_bytes(b"right\r\n")
    assert load_agents(file)["scoring"].headers["authorization"].get_secret_value() == b"right"


def test_a_variable_that_is_missing_refuses_the_start_in_one_line(file: Path, tmp_path: Path) -> None:
    with_headers(file, 'authorization = {env = "NOT_SET"}')
    ended = refused_service(audit_log_path=tmp_path / "audit.jsonl", agents_file=file)
    assert ended.returncode == 3
    (line,) = ended.stderr.splitlines()
    assert "agent scoring: headers: header authorization: the environment variable NOT_SET is not set" in line


@pytest.mark.parametrize("name", ["openai/gpt-4o", "a/b/c", "any name", "\u65e5\u672c", "x" * 128])
def test_an_agent_may_have_any_name_that_a_record_can_hold(file: Path, name: str) -> None:
    assert list(load_agents(with_headers(file, name=f'"{name}"'))) == [name]


@pytest.mark.parametrize("name", ["", "x" * 129, "a\\u0000"])
def test_a_name_that_no_record_can_hold_is_refused(file: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no record can hold this name"):
        load_agents(with_headers(file, name=f'"{name}"'))

"""The agent's name in the path: what is stored is the name that was meant, whatever letters it has."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve
from tests.support.calls import assert_problem, records
from tests.support.processes import running_service
from tests.support.stub_agent import running_agent


def execute(client: Any, path: str, **body: Any) -> Any:
    headers = {"X-Tenant-ID": "acme"}
    return client.post(f"/api/v1/agents/{path}/execute", headers=headers, json={"input": {}} | body)


NAMES = {
    "openai/gpt-4o": "openai/gpt-4o",
    "openai%2Fgpt-4o": "openai/gpt-4o",
    "openai%2fgpt-4o": "openai/gpt-4o",
    "a/b/c": "a/b/c",
    "execute": "execute",
    "a/execute": "a/execute",
    "a%2Fexecute": "a/execute",
    "models:v1.2": "models:v1.2",
    "gpt-4o%20mini": "gpt-4o mini",
    "gpt+mini": "gpt+mini",
    "%E2%82%AC%F0%9F%98%80": "€😀",
    "a%3Fb%23c": "a?b#c",
    "...": "...",
    "a..b/.c": "a..b/.c",
    "%5C..": "\\..",
}


@pytest.mark.parametrize(("path", "name"), NAMES.items())
def test_the_name_is_stored_as_it_was_meant(client: TestClient, path: str, name: str) -> None:
    answer = execute(client, path)

    assert answer.status_code == 200, answer.text
    assert answer.json()["agent_id"] == name
    assert [item["agent_id"] for item in records(client, agent_id=name)] == [name]


def test_every_name_arrives_over_the_wire(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        for path, name in ({**NAMES, "openai%252Fgpt-4o": "openai%2Fgpt-4o"}).items():
            assert execute(service.http, path).json()["agent_id"] == name


@pytest.mark.parametrize(
    "path",
    ["..%2Fa", "a%2F..", "%2E%2E", "%2e", ".%2Fa", "a%2F%2Fb", "a//b", "%2Fa", "a%2F", "a%2F.%2Fb", "", "/a", "a/"],
)  # fmt: skip
def test_a_name_that_a_proxy_would_read_as_another_is_refused(client: TestClient, path: str) -> None:
    assert_problem(execute(client, path), 422, "invalid-request", "agent_id")
    assert records(client) == []


@pytest.mark.parametrize("path", ["a%00b", "%00", "x" * 129, "a/" * 64 + "b"])
def test_a_name_that_cannot_be_stored_is_refused_by_name(client: TestClient, path: str) -> None:
    assert_problem(execute(client, path), 422, "invalid-request", "agent_id")
    assert execute(client, "a/" * 63 + "bc").status_code == 200


def test_a_configured_agent_whose_name_has_a_slash_is_called(serve_each: Serve, tmp_path: Path) -> None:
    with running_agent() as agent:
        agents = tmp_path / "agents.toml"
        agents.write_text(f'[agents."openai/gpt-4o"]\nurl = "{agent.url}/"\n')
        client = serve_each(live_enabled=True, agents_file=agents)
        for path in ("openai/gpt-4o", "openai%2Fgpt-4o"):
            answer = execute(client, path, mode="LIVE")
            assert (answer.status_code, answer.json()["status"]) == (200, "success"), answer.text
        assert len(agent.calls) == 2

"""LIVE when the store becomes unavailable or the caller disconnects before, during or after the call."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.model.credential import NamedTenant
from tests.conftest import TestDatabase
from tests.support.calls import assert_problem, execute, records
from tests.support.inside import state_of
from tests.support.polling import eventually
from tests.support.stub_agent import StubAgent, running_agent


@pytest.fixture
def agent() -> Iterator[StubAgent]:
    with running_agent() as agent:
        yield agent


@dataclass(frozen=True)
class Live:
    """The service, which may call the agent; how its store becomes unavailable, and available again."""

    client: TestClient
    store_goes: Callable[[], object]
    store_comes_back: Callable[[], object]


@pytest.fixture(params=["postgresql", "jsonl"])
def live(request: pytest.FixtureRequest, agent: StubAgent, tmp_path: Path) -> Live:
    """The service on each of its backends."""
    settings = {"live_enabled": True, "agents_file": agent.agents_file(tmp_path), "database_pool_timeout": 0.3}
    if request.param == "postgresql":
        database: TestDatabase = request.getfixturevalue("database")
        client: TestClient = request.getfixturevalue("serve")(**settings)

        def come_up() -> None:
            database.come_up()
            eventually(lambda: client.get("/api/v1/health/db").status_code == 200)

        return Live(client, database.go_down, come_up)

    file, elsewhere = tmp_path / "audit.jsonl", tmp_path / "elsewhere"

    def go() -> None:
        file.rename(elsewhere)
        file.mkdir()

    def come_back() -> None:
        file.rmdir()
        elsewhere.rename(file)

    return Live(request.getfixturevalue("serve_file")(**settings), go, come_back)


def test_an_agent_is_not_called_when_its_start_cannot_be_recorded(live: Live, agent: StubAgent) -> None:
    live.store_goes()

    answer = execute(live.client, mode="LIVE")

    assert_problem(answer, 503, "storage-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert agent.calls == []
    live.store_comes_back()
    assert records(live.client) == []
    assert execute(live.client, mode="LIVE").json()["status"] == "success"
    assert len(agent.calls) == 1


def test_an_outcome_that_cannot_be_recorded_is_not_acknowledged_and_the_start_stands(
    live: Live, agent: StubAgent
) -> None:
    agent.when_called = live.store_goes

    answer = execute(live.client, mode="LIVE")

    assert_problem(answer, 503, "outcome-not-recorded")
    assert "retry-after" not in answer.headers  # a repetition would call the agent again
    assert len(agent.calls) == 1
    live.store_comes_back()
    assert [record["status"] for record in records(live.client)] == ["started"]


def test_a_call_that_nobody_waits_for_any_more_is_recorded_as_such(live: Live, agent: StubAgent) -> None:
    called, given_up = threading.Event(), threading.Event()

    def work() -> None:
        called.set()
        given_up.wait(10)

    agent.when_called = work

    async def ask() -> None:
        await state_of(live.client).executions.execute(
            NamedTenant("acme"), b"{}", trace_id="trace-1", agent_id="credit-scoring", mode="LIVE", user_id=None
        )

    assert live.client.portal
    executing = live.client.portal.start_task_soon(ask)
    assert called.wait(10)
    executing.cancel()
    found = eventually(lambda: len(both := records(live.client)) == 2 and both)
    given_up.set()

    assert found
    assert [(record["status"], record["trace_id"]) for record in found] == [
        ("started", "trace-1"),
        ("error", "trace-1"),
    ]
    assert found[1]["error"] == "the service stopped waiting for the agent"

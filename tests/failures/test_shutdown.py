"""A service that is told to stop: what is under way is finished in time, or refused, and the log says so."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from bench.serving import processes_of
from tests.conftest import TestDatabase
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service
from tests.support.spool_directory import query, spooled_lines
from tests.support.stub_agent import StubAgent, running_agent


def test_what_was_acknowledged_under_load_is_stored_and_the_log_says_what_was_drained(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    acknowledged: list[str] = []
    with running_service(database_url=database.url("audit_app")) as service:

        def call() -> None:
            with httpx.Client(base_url=service.http.base_url, trust_env=False, headers=bearer(key)) as client:
                while True:
                    try:
                        answer = client.post("/api/v1/agents/a/execute", json={"input": {}})
                    except httpx.TransportError:
                        return
                    assert answer.status_code == 200, answer.text
                    acknowledged.append(answer.json()["id"])

        callers = [threading.Thread(target=call) for _ in range(8)]
        for caller in callers:
            caller.start()
        eventually(lambda: len(acknowledged) > 100)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=30)
        for caller in callers:
            caller.join()
        (stopped,) = [json.loads(line) for line in service.printed().splitlines() if "requests_finished" in line]
    stored = {str(row[0]) for row in database.execute("SELECT id FROM audit.audit_logs")}
    assert set(acknowledged) <= stored
    assert stopped["requests_cut"] == 0
    assert stopped["seconds"] < 20


def test_an_agent_that_hangs_keeps_it_no_longer_than_stated_and_leaves_a_record(
    database: TestDatabase, tmp_path: Path
) -> None:
    key, let_go = database.issue_api_key("acme"), threading.Event()
    with running_agent() as agent:
        agent.when_called = lambda: let_go.wait(60)
        settings: dict[str, object] = {"live_enabled": True, "agents_file": agent.agents_file(tmp_path)}
        with running_service(database_url=database.url("audit_app"), shutdown_timeout=1, **settings) as service:
            url = f"{service.http.base_url}/api/v1/agents/credit-scoring/execute"

            def call() -> None:
                with (
                    httpx.Client(trust_env=False, headers=bearer(key), timeout=60) as client,
                    suppress(httpx.TransportError),
                ):
                    client.post(url, json={"input": {}, "mode": "LIVE"})

            caller = threading.Thread(target=call)
            caller.start()
            eventually(lambda: agent.calls)
            started = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(timeout=30)
            assert time.monotonic() - started < 10
            let_go.set()
            caller.join()
    statuses = [row[0] for row in database.execute("SELECT status FROM audit.audit_logs ORDER BY created_at")]
    assert statuses == ["started", "error"]


DRAINS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]


@pytest.fixture
def hanging_agent(tmp_path: Path) -> Iterator[tuple[StubAgent, threading.Event, dict[str, object]]]:
    """An agent that answers when it is let go, and the settings with which the service calls it."""
    let_go = threading.Event()
    with running_agent() as agent:
        agent.when_called = lambda: let_go.wait(60)
        yield agent, let_go, {"live_enabled": True, "agents_file": agent.agents_file(tmp_path)}
        let_go.set()


def is_drained_by(
    service: ServiceProcess,
    workers: int,
    key: str,
    hanging_agent: tuple[StubAgent, threading.Event, dict[str, object]],
    tell: Callable[[], None],
) -> bool:
    """Tell the service to stop in the middle of a call; return whether it answers that, and then ends."""
    agent, let_go, _ = hanging_agent
    answers: list[int] = []

    def call() -> None:
        body = {"input": {}, "mode": "LIVE"}
        with suppress(httpx.TransportError):
            path = f"{service.http.base_url}/api/v1/agents/credit-scoring/execute"
            answers.append(httpx.post(path, json=body, headers=bearer(key), trust_env=False, timeout=60).status_code)

    caller = threading.Thread(target=call)
    caller.start()
    eventually(lambda: agent.calls)
    tell()
    # Only when each worker has taken the signal may the call go on.
    eventually(lambda: service.process.poll() is not None or service.printed().count("Shutting down") == workers)
    let_go.set()
    caller.join()
    service.process.wait(timeout=30)
    return answers == [200]


@pytest.mark.parametrize("name", DRAINS)
def test_every_signal_to_end_finishes_what_is_under_way(
    database: TestDatabase, hanging_agent: tuple[StubAgent, threading.Event, dict[str, object]], name: str
) -> None:
    key = database.issue_api_key("acme")
    with running_service(database_url=database.url("audit_app"), **hanging_agent[2]) as service:
        tell = partial(service.process.send_signal, signal.Signals[name])

        assert is_drained_by(service, 1, key, hanging_agent, tell)

        assert "0 were cut" in service.printed()


@pytest.mark.parametrize("name", DRAINS)
def test_with_several_workers_too_when_all_are_told_at_once(
    database: TestDatabase,
    hanging_agent: tuple[StubAgent, threading.Event, dict[str, object]],
    name: str,
) -> None:
    key = database.issue_api_key("acme")
    url = database.url("audit_app")
    with running_service(database_url=url, web_concurrency=2, **hanging_agent[2]) as service:
        eventually(lambda: service.printed().count("Application startup complete") == 2)

        def tell() -> None:  # as a terminal that is closed does
            for process in reversed(processes_of(service.process.pid)):
                os.kill(process, signal.Signals[name])

        assert is_drained_by(service, 2, key, hanging_agent, tell)

        assert "Child process" not in service.printed()  # none was started anew


def test_a_hangup_that_is_ignored_stays_ignored(database: TestDatabase) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does for what it starts
    try:
        with running_service(database_url=database.url("audit_app")) as service:
            service.process.send_signal(signal.SIGHUP)
            assert service.http.get("/api/v1/health").status_code == 200
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(30) == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_log_says_how_many_records_are_in_the_spool(database: TestDatabase, tmp_path: Path) -> None:
    key, spool = database.issue_api_key("acme"), tmp_path / "spool"
    with running_service(database_url=database.url("audit_app"), spool=True, spool_path=spool) as service:
        service.http.headers.update(bearer(key))

        def call() -> httpx.Response:
            return service.http.post("/api/v1/agents/a/execute", json={"input": {}})

        assert call().status_code == 200
        eventually(lambda: query(spool, "SELECT * FROM known_credentials"))
        database.go_down()
        eventually(lambda: call().json().get("stored") == "spool")
        for _ in range(3):
            assert call().json()["stored"] == "spool"
        waiting = len(spooled_lines(spool))
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(timeout=30)
        (stopped,) = [json.loads(line) for line in service.printed().splitlines() if "requests_finished" in line]
    database.come_up()
    assert stopped["records_spooled"] == waiting >= 4
    assert f"{waiting} records wait in the spool" in stopped["message"]

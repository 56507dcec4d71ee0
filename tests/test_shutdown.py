"""A service that is told to stop: what is under way is finished in time, or refused, and the log says so."""

import json
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.calls import bearer
from tests.conftest import TestDatabase
from tests.polling import eventually
from tests.processes import running_service
from tests.stub_agent import running_agent


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

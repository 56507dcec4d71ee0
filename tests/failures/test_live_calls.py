"""LIVE: an agent that really listens is really called, and what it did is recorded before and after."""

import gzip
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve
from tests.support.calls import assert_problem, execute, records
from tests.support.stub_agent import StubAgent, running_agent


@pytest.fixture
def agent() -> Iterator[StubAgent]:
    with running_agent() as agent:
        yield agent


@pytest.fixture
def live(serve_each: Serve, agent: StubAgent, tmp_path: Path) -> TestClient:
    """The service, which may call `agent`."""
    return serve_each(live_enabled=True, agents_file=agent.agents_file(tmp_path))


def live_execute(client: TestClient, **body: Any) -> Any:
    return execute(client, mode="LIVE", **body)


def started_and_outcome(client: TestClient) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two records that the one call has left."""
    started, outcome = records(client)
    assert started["status"] == "started"
    assert started["trace_id"] == outcome["trace_id"]
    assert started["id"] != outcome["id"]
    assert (started["http_status"], started["latency_ms"], started["error"]) == (None, None, None)
    assert {record["mode"] for record in (started, outcome)} == {"LIVE"}
    return started, outcome


def test_a_success_is_answered_with_the_agents_output_and_recorded_twice(live: TestClient, agent: StubAgent) -> None:
    agent.status, agent.body = 201, b'{"score": 0.7, "why": ["a", null]}'

    answer = live_execute(live, input={"amount": 1200}, user_id="u-1")

    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("output") == {"score": 0.7, "why": ["a", None]}
    started, outcome = started_and_outcome(live)
    assert {name: outcome[name] for name in body} == body
    assert (outcome["status"], outcome["http_status"], outcome["error"]) == ("success", 201, None)
    assert started["user_id"] == outcome["user_id"] == "u-1"


def test_the_agent_is_sent_the_input_and_the_trace_and_nothing_else_of_the_caller(
    live: TestClient, agent: StubAgent
) -> None:
    answer = live_execute(live, input={"amount": 1200, "name": "Zoë"}, user_id="u-1")

    ((line, headers, body),) = agent.calls
    assert line == "POST /score?token=agent-t0ken"
    assert json.loads(body) == {"amount": 1200, "name": "Zoë"}
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert headers["x-trace-id"] == answer.headers["x-trace-id"]
    assert "acme" not in str(headers)
    assert "u-1" not in str(headers)


def test_both_records_have_the_context_and_the_hashes_of_what_went_over_the_wire(
    live: TestClient, agent: StubAgent
) -> None:
    agent.body = '{ "name":"Zoë" }'.encode()

    live_execute(live, input={"name": "Zoë"}, context={"event": "asked"})

    ((_, _, sent),) = agent.calls
    started, outcome = started_and_outcome(live)
    before = {"event": "asked", "input_sha256": hashlib.sha256(sent).hexdigest()}
    assert started["context"] == before
    assert outcome["context"] == before | {"output_sha256": hashlib.sha256(agent.body).hexdigest()}


def test_an_answer_that_is_not_json_has_its_hash_and_one_that_was_not_read_has_none(
    live: TestClient, agent: StubAgent
) -> None:
    agent.body = b"\xff plain"
    live_execute(live)
    assert records(live)[-1]["context"]["output_sha256"] == hashlib.sha256(agent.body).hexdigest()
    agent.status = 500
    live_execute(live)
    assert set(records(live)[-1]["context"]) == {"input_sha256"}


def test_the_start_is_committed_before_the_agent_is_called(live: TestClient, agent: StubAgent) -> None:
    seen: list[dict[str, Any]] = []
    agent.when_called = lambda: seen.extend(records(live))

    live_execute(live)

    assert [record["status"] for record in seen] == ["started"]


def test_the_latency_is_that_of_the_call(live: TestClient, agent: StubAgent) -> None:
    took: list[float] = []

    def work() -> None:
        begun = time.perf_counter()
        threading.Event().wait(0.15)
        took.append((time.perf_counter() - begun) * 1000)

    agent.when_called = work
    begun = time.perf_counter()
    latency = live_execute(live).json()["latency_ms"]

    assert int(took[0]) <= latency <= (time.perf_counter() - begun) * 1000
    assert started_and_outcome(live)[1]["latency_ms"] == latency


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_agent_that_fails_is_answered_for_as_an_error_with_its_status(
    live: TestClient, agent: StubAgent, status: int
) -> None:
    agent.status, agent.body = status, b'{"secret": "canary"}'

    answer = live_execute(live)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["http_status"]) == ("error", status)
    assert answer.json()["output"] is None
    _, outcome = started_and_outcome(live)
    assert (outcome["status"], outcome["http_status"]) == ("error", status)
    assert outcome["error"] == f"the agent answered {status}"
    assert "canary" not in answer.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(live: TestClient, agent: StubAgent, status: int) -> None:
    agent.status, agent.headers = status, {"Location": f"{agent.url}/elsewhere"}

    answer = live_execute(live)

    assert (answer.json()["status"], answer.json()["http_status"]) == ("error", status)
    assert [line for line, _, _ in agent.calls] == ["POST /score?token=agent-t0ken"]


def test_an_agent_that_does_not_answer_in_time_is_given_up(serve_each: Serve, agent: StubAgent, tmp_path: Path) -> None:
    client = serve_each(live_enabled=True, agents_file=agent.agents_file(tmp_path, timeout_seconds=0.2))
    given_up = threading.Event()
    agent.when_called = lambda: given_up.wait(10)

    try:
        answer = live_execute(client)
    finally:
        given_up.set()

    assert (answer.json()["status"], answer.json()["http_status"]) == ("error", None)
    _, outcome = started_and_outcome(client)
    assert outcome["error"] == "the agent did not answer within 0.2 seconds"
    assert outcome["latency_ms"] >= 200


def test_an_answer_that_trickles_has_a_deadline_as_a_whole(serve_each: Serve, agent: StubAgent, tmp_path: Path) -> None:
    """A body is promised and never comes: the status is known, the outcome is an error."""
    client = serve_each(live_enabled=True, agents_file=agent.agents_file(tmp_path, timeout_seconds=0.2))
    agent.headers = {"Content-Length": "100"}

    answer = live_execute(client)

    assert (answer.json()["status"], answer.json()["http_status"]) == ("error", 200)
    assert answer.json()["output"] is None


def test_an_answer_of_the_largest_size_is_taken_and_a_larger_one_is_not(live: TestClient, agent: StubAgent) -> None:
    agent.body = json.dumps("x" * 998).encode()
    assert live_execute(live).json()["output"] == "x" * 998

    agent.body = json.dumps("x" * 999).encode()
    answer = live_execute(live).json()
    assert (answer["status"], answer["http_status"], answer["output"]) == ("error", 200, None)
    assert records(live)[-1]["error"] == "the agent's answer is larger than 1000 bytes"


def test_a_compressed_answer_is_not_unpacked(live: TestClient, agent: StubAgent) -> None:
    agent.headers, agent.body = {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 100_000)

    answer = live_execute(live).json()

    assert (answer["status"], answer["http_status"], answer["output"]) == ("error", 200, None)
    assert records(live)[-1]["error"] == "the agent's answer is compressed, which was not asked for"


@pytest.mark.parametrize(
    ("body", "output"),
    [
        (b"plain text", "plain text"),
        (b"", ""),
        (b'{"score": NaN}', '{"score": NaN}'),
        (b"-Infinity", "-Infinity"),
        (b"1e999", "1e999"),
        (b'{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 999, "[" * 999),
    ],
)
def test_an_answer_that_is_not_json_is_given_back_as_its_text(
    live: TestClient, agent: StubAgent, body: bytes, output: str
) -> None:
    agent.body = body

    answer = live_execute(live)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["output"]) == ("success", output)
    assert started_and_outcome(live)[1]["status"] == "success"


@pytest.mark.parametrize("body", [b'"\\ud800"', b'{"\\udfff": 1}'])
def test_an_answer_with_a_lone_surrogate_is_answered_for(live: TestClient, agent: StubAgent, body: bytes) -> None:
    agent.body = body

    assert live_execute(live).status_code == 200


def test_nesting_of_any_depth_is_passed_on_or_refused_and_every_start_has_an_outcome(
    live: TestClient, agent: StubAgent
) -> None:
    statuses = set()
    for depth in range(920, 1000):
        agent.body = b"{}"
        body = f'{{"mode": "LIVE", "input": {{"a": {"[" * depth}{"]" * depth}}}}}'
        headers = {"X-Tenant-ID": "acme", "Content-Type": "application/json"}
        statuses.add(live.post("/api/v1/agents/credit-scoring/execute", content=body, headers=headers).status_code)
        agent.body = b"[" * (depth // 2) + b"]" * (depth // 2)
        statuses.add(live_execute(live).status_code)

    assert statuses <= {200, 422}
    found = records(live)
    assert [record["status"] for record in found] == ["started", "success"] * (len(found) // 2)


def test_an_agent_that_does_not_listen_is_an_error_without_a_status(serve_each: Serve, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, so that nobody else listens there
        file = StubAgent(f"http://127.0.0.1:{nobody.getsockname()[1]}").agents_file(tmp_path)
        client = serve_each(live_enabled=True, agents_file=file)
        answer = live_execute(client)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["http_status"]) == ("error", None)
    _, outcome = started_and_outcome(client)
    assert outcome["error"] == "the call failed: ConnectError"
    assert outcome["latency_ms"] is not None


def test_an_unknown_agent_is_refused_and_the_refusal_recorded(live: TestClient, agent: StubAgent) -> None:
    problem = assert_problem(execute(live, agent="unknown", mode="LIVE"), 404, "agent-unknown")

    (record,) = records(live)
    assert (record["agent_id"], record["mode"], record["status"]) == ("unknown", "LIVE", "denied")
    assert record["error"] == "the agent is not configured"
    assert record["trace_id"] == problem["trace_id"]
    assert agent.calls == []


def test_a_dry_run_calls_nobody(live: TestClient, agent: StubAgent) -> None:
    assert execute(live).json()["output"]["would_call"]["url"] == f"{agent.url}/score"
    assert agent.calls == []


def test_the_environments_proxies_are_not_used(
    live: TestClient, agent: StubAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_agent() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        assert live_execute(live).json()["status"] == "success"
        assert len(agent.calls) == 1
        assert proxy.calls == []

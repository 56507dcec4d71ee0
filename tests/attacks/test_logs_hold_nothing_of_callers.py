"""What callers send, and what the operator keeps secret, is in no line that the service prints, however it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.otlp import post, request, span
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service
from tests.support.stub_agent import StubAgent, running_agent

PROMPT, USER, TRACE, ANSWER = "c4n4ry-prompt", "c4n4ry-user", "trace-of-the-test", "c4n4ry-answer"
PASSWORD, TOKEN = "c4n4ry-passw0rd", "agent-t0ken"
SECRETS = (PROMPT, USER, ANSWER, PASSWORD, TOKEN, "c4n4ry")
EXECUTE, LOGS = "/api/v1/agents/credit-scoring/execute", "/api/v1/audit/logs"


@pytest.fixture
def agent() -> Iterator[StubAgent]:
    with running_agent() as agent:
        agent.body = f'"{ANSWER}"'.encode()
        yield agent


@pytest.fixture(params=["postgresql", "jsonl"])
def service(request: pytest.FixtureRequest, agent: StubAgent, tmp_path: Path) -> Iterator[ServiceProcess]:
    """A process on each backend; the URL of its database holds a password."""
    settings: dict[str, object] = {"agents_file": agent.agents_file(tmp_path), "live_enabled": True}
    settings["otlp_enabled"] = True
    if request.param == "jsonl":
        settings["audit_log_path"] = tmp_path / "audit.jsonl"
    else:
        database: TestDatabase = request.getfixturevalue("database")
        create_role: CreateRole = request.getfixturevalue("create_role")
        role = create_role(f"PASSWORD '{PASSWORD}'", member_of=("audit_trusted",))
        settings["database_url"] = database.url(role).replace(f"{role}@", f"{role}:{PASSWORD}@")
        settings["database_pool_timeout"] = 0.3
    with running_service(**settings) as service:
        service.http.headers.update({"X-Tenant-ID": "acme", "X-Trace-ID": TRACE})
        yield service


def send(service: ServiceProcess, agent: StubAgent) -> list[int]:
    """Send what is secret in every way; return the statuses of the answers."""

    def execute(**body: Any) -> int:
        asked = {"input": {"prompt": PROMPT}, "user_id": USER, "mode": "LIVE"} | body
        return service.http.post(EXECUTE, json=asked).status_code

    statuses = [execute(), execute(mode="DRY_RUN"), execute(mode=PROMPT), execute(user_id=USER * 100)]
    statuses += [execute(user_id=USER + "\0"), execute(input=PROMPT), execute(tenant_id=USER)]
    for agent.status in (500, 302):
        statuses.append(execute())
    agent.status = 200
    for body in (b"", f"{PROMPT}".encode(), f'{{"{PROMPT}"'.encode(), b'"' + PROMPT.encode() * 200_000 + b'"'):
        headers = {"Content-Type": "application/json"}
        statuses.append(service.http.post(EXECUTE, content=body, headers=headers).status_code)
    queries = [{"user_id": USER}, {"user_id": USER + "\0"}, {"limit": PROMPT}, {"cursor": PROMPT}, {PROMPT: PROMPT}]
    statuses += [service.http.get(LOGS, params=query).status_code for query in queries]
    spans = request(span(user__id=USER, pairs=[(PROMPT, PROMPT)]), span(2, ringfence__event=PROMPT + "\0"))
    for content in (spans.SerializeToString(), PROMPT.encode(), spans.SerializeToString()[:-1]):
        statuses.append(post(service.http, content).status_code)
    statuses.append(post(service.http, f'{{"{PROMPT}"'.encode(), kind="application/json").status_code)
    statuses.append(service.http.get(f"/{PROMPT}").status_code)
    statuses.append(service.http.get(LOGS, headers={"X-Tenant-ID": USER}).status_code)
    return statuses


def assert_silent(service: ServiceProcess) -> None:
    printed = service.printed()
    assert "running on" in printed
    for secret in SECRETS:
        assert secret not in printed


def test_nothing_of_it_is_printed_when_all_goes_well_or_is_refused(service: ServiceProcess, agent: StubAgent) -> None:
    statuses = send(service, agent)

    assert {200, 403, 404, 413, 422} <= set(statuses)
    assert not {status for status in statuses if status >= 500}
    assert PROMPT.encode() in agent.calls[0][2]
    assert_silent(service)


def test_nothing_of_it_is_printed_when_the_store_is_gone(
    service: ServiceProcess, agent: StubAgent, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if service.http.get("/api/v1/health/db").json()["backend"] == "postgresql":
        request.getfixturevalue("database").go_down()
    else:
        (tmp_path / "audit.jsonl").unlink()
        (tmp_path / "audit.jsonl").mkdir()

    statuses = send(service, agent)

    assert 503 in statuses
    assert 200 not in statuses
    assert agent.calls == []
    assert_silent(service)


@pytest.mark.parametrize("service", ["postgresql"], indirect=True)
def test_nothing_of_it_is_printed_when_the_database_fails_at_the_commit(
    service: ServiceProcess, agent: StubAgent, database: TestDatabase
) -> None:
    database.execute(
        "CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused: %', NEW USING ERRCODE = 'disk_full'; END $$;"
        "GRANT EXECUTE ON FUNCTION public.fail TO PUBLIC;"
        "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON audit.audit_logs DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.fail()"
    )

    assert 503 in send(service, agent)
    eventually(lambda: "SQLSTATE 53100" in service.printed())
    assert_silent(service)

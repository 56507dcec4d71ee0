"""A client generated from the OpenAPI document alone can use the whole service, and can read each refusal."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TestDatabase
from tests.support.bulk_calls import record as record_that_is_accepted
from tests.support.processes import ServiceProcess, running_service
from tests.support.sealing import seal

PACKAGE = "ringfence_generated_client"
CONFIGURATION = "post_hooks: []\ncontent_type_overrides: {application/x-ndjson: text/plain}\n"
"""The generator knows no lines of JSON, and drops such an answer unless it is told to take them for text."""


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app")) as service:
        yield service


@pytest.fixture
def generated(service: ServiceProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client's package."""
    (tmp_path / "openapi.json").write_text(json.dumps(service.http.get("/openapi.json").json()))
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    command = ["generate", "--path", "openapi.json", "--output-path", PACKAGE, "--meta", "none"]
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *command, "--config", "config.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # The one thing that it leaves out: records one a line are no body of JSON.
    assert done.stderr.count("WARNING") == done.stderr.count("Unsupported content type text/plain") == 1
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module(PACKAGE)
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def operation(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.api.{name}")


def test_a_generated_client_writes_reads_lists_and_executes(
    service: ServiceProcess, generated: Any, database: TestDatabase
) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    record = models.NewRecord.from_dict(
        record_that_is_accepted(http_status=200, latency_ms=41, context={"event": "asked", "approver": 7})
    )
    body = models.ExecuteRequest.from_dict({"input": {"amount": 1200}, "context": {"gen_ai.tool.name": "search"}})
    url = str(service.http.base_url).rstrip("/")
    with generated.AuthenticatedClient(base_url=url, token=database.issue_api_key("acme")) as client:
        written = operation("audit.write_audit_logs").sync(client=client, body=[record, record])
        assert (written.tenant_id, written.count) == ("acme", 2)
        assert operation("audit.write_audit_logs").sync(client=client, body=record).count == 1
        executed = operation("agents.execute_agent").sync("openai/gpt-4o", client=client, body=body)
        assert (executed.agent_id, executed.status) == ("openai/gpt-4o", "success")
        assert operation("audit.get_audit_log").sync(executed.id, client=client).agent_id == "openai/gpt-4o"
        page = operation("audit.list_audit_logs").sync(client=client, limit=2)
        assert (page.count, page.has_more, page.items[0].id) == (2, True, executed.id)
        assert page.items[0].context.to_dict()["gen_ai.tool.name"] == "search"
        assert page.items[1].context.to_dict() == {"event": "asked", "approver": 7}
        found = operation("audit.list_audit_logs").sync(client=client, context_gen_ai_tool_name="search")
        assert [item.id for item in found.items] == [executed.id]
        acts = [event.act.value for event in operation("audit.list_admin_events").sync(client=client).items]
        # One event of reading for each hour: the test may run from one into the next.
        assert (set(acts[:-2]), acts[-2:]) == ({"records read"}, ["api key issued", "tenant created"])
        assert operation("health.health").sync(client=client).status == "ok"
        assert operation("health.database_health").sync(client=client).isolation == "intact"


def test_a_generated_client_reads_the_feed_to_its_end(
    service: ServiceProcess, generated: Any, database: TestDatabase
) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    url = str(service.http.base_url).rstrip("/")
    found, position, has_more = [], generated.types.UNSET, True
    with generated.AuthenticatedClient(base_url=url, token=database.issue_api_key("acme")) as client:
        for agent in ("kyc", "loan", "advisor"):
            record = models.NewRecord.from_dict(record_that_is_accepted(agent_id=agent))
            operation("audit.write_audit_logs").sync(client=client, body=record)
            seal(database)  # each has a leaf of its own before the next is written
        while has_more:
            answer = operation("audit.read_feed").sync(client=client, after=position, limit=2)
            *lines, last = [json.loads(line) for line in answer.splitlines()]
            found += [line["agent_id"] for line in lines]
            position, has_more = last["position"], last["has_more"]
        refused = operation("audit.read_feed").sync(client=client, after="9.9.0000000000000000")

    assert found == ["kyc", "loan", "advisor"]
    assert (refused.type_, refused.status) == ("urn:ringfence:problem:feed-position-lost", 409)


def test_a_generated_client_is_told_what_was_wrong(
    service: ServiceProcess, generated: Any, database: TestDatabase
) -> None:
    models = importlib.import_module(f"{PACKAGE}.models")
    record = models.NewRecord.from_dict(record_that_is_accepted())
    url = str(service.http.base_url).rstrip("/")
    reader = generated.AuthenticatedClient(base_url=url, token=database.issue_api_key("acme", "read"))
    stranger = generated.AuthenticatedClient(base_url=url, token="rf_none")
    unused = "01900000-0000-7000-8000-00000000000a"
    with reader, stranger:
        answers = {
            "invalid-request": operation("audit.list_audit_logs").sync_detailed(client=reader, limit=0),
            "scope-missing": operation("audit.write_audit_logs").sync_detailed(client=reader, body=record),
            "unauthenticated": operation("audit.list_audit_logs").sync_detailed(client=stranger),
            "record-not-found": operation("audit.get_audit_log").sync_detailed(unused, client=reader),
        }
    for kind, answer in answers.items():
        assert isinstance(answer.parsed, models.Problem)
        assert answer.parsed.type_ == f"urn:ringfence:problem:{kind}"
        assert answer.parsed.status == answer.status_code

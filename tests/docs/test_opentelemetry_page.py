"""The commands of docs/opentelemetry.md, run as they stand there, and its map compared with the code."""

import json
import re
from collections.abc import Iterator

import pytest

from app.services.otlp.spans import AGENT, CONTEXT, ERROR, MODE, OPERATION, USER
from tests.conftest import TestDatabase
from tests.support import pages, walkthrough
from tests.support.polling import eventually
from tests.support.processes import running_service
from tests.support.shell import Shell
from tests.support.span_receiver import span_receiver

PAGE = "docs/opentelemetry.md"


@pytest.fixture
def serving(shell: Shell, database: TestDatabase, api_keys: dict[str, str]) -> Iterator[Shell]:
    """The shell, and a service that takes spans."""
    with running_service(database_url=database.url("audit_app"), otlp_enabled="true") as service:
        shell.variables |= api_keys | {"RINGFENCE_URL": str(service.http.base_url).rstrip("/")}
        yield shell


def test_it_is_turned_on(shell: Shell) -> None:
    (block,) = pages.commands(PAGE, "Turn it on")
    with shell.serving(block) as printed:
        (url,) = re.findall(r"running on (http://\S+)", printed)
        assert shell.run(f"curl -sS -X POST {url}/v1/traces").startswith('{"message": "unauthenticated')


def test_a_span_is_sent_with_curl_and_is_one_record_however_often(serving: Shell) -> None:
    (block,) = pages.commands(PAGE, "Send one span with curl")
    for _ in range(2):
        printed = serving.run(block)
        assert printed.startswith("{}")
        page = json.loads(printed.removeprefix("{}"))
        (item,) = page["items"]
        assert (item["agent_id"], item["user_id"], item["latency_ms"]) == ("kyc", "jane", 41)
        assert item["context"] == {"span_id": "eee19b7ec3c1b174", "policy_id": "L-12"}


def test_the_variables_of_the_exporter_lead_to_records(serving: Shell, database: TestDatabase) -> None:
    (block,) = pages.commands(PAGE, "Export from an agent")
    serving.run(block)
    found = database.execute("SELECT agent_id, user_id, context ->> 'gen_ai.tool.name' FROM audit.audit_logs")
    assert sorted(found, key=str) == [("kyc", "jane", None), ("kyc", None, "search")]


def test_the_map_has_every_attribute_that_counts_and_no_other() -> None:
    section = walkthrough.section(pages.read(PAGE), "The map")
    rows = re.findall(r"^\| (.*?) \| (.*?) \|", section, re.MULTILINE)
    named = {name for of_span, _ in rows for name in re.findall(r"`([^`]+)`", of_span)}
    assert named == {OPERATION, MODE, *AGENT, *USER, ERROR, *CONTEXT, "service.name"}
    own = {of_span.strip("`"): in_record for of_span, in_record in rows if of_span.startswith("`ringfence.")}
    assert own.pop(MODE) == "`mode`"
    assert own == {attribute: f"`context`: `{name}`" for attribute, name in CONTEXT.items() if attribute != name}


def test_the_service_exports_spans_of_its_own(shell: Shell) -> None:
    (block,) = pages.commands(PAGE, "Traces of the service itself")
    with span_receiver() as receiver:
        shell.variables["COLLECTOR_URL"] = receiver.url.removesuffix("/v1/traces")
        with shell.serving(block) as printed:
            (url,) = re.findall(r"running on (http://\S+)", printed)
            shell.run(f"curl -sS {url}/api/v1/health")
            eventually(lambda: receiver.spans)
        assert [span.name for span in receiver.spans] == ["GET /api/v1/health"]

"""The commands for callers, and those that serve, run as they stand on the pages."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.answers import without_what_differs
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service
from tests.support.shell import Shell

LOGS = "/api/v1/audit/logs"


def use(shell: Shell, service: ServiceProcess, api_keys: dict[str, str]) -> None:
    """Let the shell call the service."""
    shell.variables |= api_keys | {"RINGFENCE_URL": str(service.http.base_url).rstrip("/")}


def test_records_are_sent_again_and_stored_once(shell: Shell, database: TestDatabase, api_keys: dict[str, str]) -> None:
    (block,) = pages.commands("docs/http.md", "Records from other services")
    (answer,) = pages.shown("docs/http.md", "Records from other services", "json")
    with running_service(database_url=database.url("audit_app")) as service:
        use(shell, service, api_keys)
        for _ in range(2):
            assert shell.run(block) == answer.strip()
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(2,)]


def test_the_export_runs_a_second_time(shell: Shell, database: TestDatabase, api_keys: dict[str, str]) -> None:
    (block,) = pages.commands("docs/http.md", "Export")
    (ending,) = pages.shown("docs/http.md", "Export")
    with running_service(database_url=database.url("audit_app")) as service:
        use(shell, service, api_keys)
        for _ in range(2):
            assert shell.run(block) == re.sub(r"\d+", "0", ending)


def test_live_is_served_with_the_agents_of_the_example(shell: Shell) -> None:
    (block,) = pages.commands("docs/http.md", "DRY_RUN and LIVE")
    with shell.serving(block) as printed:
        assert "running on http://127.0.0.1:" in printed


def test_a_record_is_spooled_and_the_answer_says_so(
    shell: Shell, database: TestDatabase, api_keys: dict[str, str], tmp_path: Path
) -> None:
    (block,) = pages.commands("docs/reliability.md", "The spool")
    (answer,) = pages.shown("docs/reliability.md", "The spool", "json")
    spool = {"spool": "on", "spool_path": tmp_path / "spool"}
    with running_service(database_url=database.url("audit_app"), **spool) as service:
        use(shell, service, api_keys)
        assert "stored" not in json.loads(shell.run(block))  # the key has been seen at work
        database.go_down()
        try:
            get = service.http.get
            eventually(lambda: get(LOGS, headers=bearer(api_keys["ACME_API_KEY"])).status_code == 503)
            waits = json.loads(shell.run(block))
        finally:
            database.come_up()
        assert without_what_differs(waits) == without_what_differs(json.loads(answer))
        eventually(lambda: database.execute("SELECT count(*) FROM audit.audit_logs") == [(2,)])


def test_a_service_without_a_database_serves_the_file(shell: Shell) -> None:
    (block,) = pages.commands("docs/reliability.md", "Without a database")
    shell.variables |= {"DATABASE_URL": "", "AUDIT_LOG_PATH": str(shell.folder / "audit.jsonl")}
    with shell.serving(block) as printed:
        assert "running on http://127.0.0.1:" in printed


@pytest.mark.parametrize("page", ["README.md", "docs/http.md", "docs/reliability.md"])
def test_a_json_block_is_json(page: str) -> None:
    for block in pages.blocks(page):
        if block.language == "json":
            lines = block.text.splitlines()
            documents = lines if all(line.startswith('{"') for line in lines) else [block.text]
            assert all(isinstance(json.loads(document), dict) for document in documents)

"""The commands of docs/feed.md, run as they stand there."""

import json

import psycopg

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.calls import bearer
from tests.support.processes import running_service
from tests.support.sealing import seal
from tests.support.shell import Shell

PAGE = "docs/feed.md"
RECORD = {"agent_id": "kyc", "mode": "LIVE", "status": "success"}


def test_a_reader_goes_on_where_it_stopped(shell: Shell, database: TestDatabase, api_keys: dict[str, str]) -> None:
    first, following = pages.commands(PAGE, "Read it with curl")
    with running_service(database_url=database.url("audit_app")) as service:
        shell.variables |= {"RINGFENCE_URL": str(service.http.base_url).rstrip("/"), **api_keys}
        key = bearer(api_keys["ACME_API_KEY"])

        def write(number: int) -> None:
            records = [{**RECORD, "user_id": f"user {number}"} for _ in range(number)]
            assert service.http.post("/api/v1/audit/logs", headers=key, json=records).status_code == 201
            seal(database)

        write(3)
        last = json.loads(shell.run(first))
        assert (last["count"], last["has_more"]) == (3, False)
        write(2)
        last = json.loads(shell.run(following))
        assert last["count"] == 2
        *lines, _ = (shell.folder / "part.ndjson").read_text().splitlines()
        assert {json.loads(line)["user_id"] for line in lines} == {"user 2"}


def test_the_statement_reads_the_feed_in_sql(database: TestDatabase) -> None:
    (block,) = pages.blocks(PAGE, "The same in SQL")
    with psycopg.connect(database.url("audit_gateway")) as connection:
        connection.execute("SELECT audit.set_tenant('acme')")
        ((text,),) = connection.execute(block.text.encode()).fetchall()
    assert json.loads(text)["position"] == "1.0"

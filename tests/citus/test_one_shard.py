"""What a tenant asks for is asked of its shard alone: Citus refuses a query of several here, and says what it sends."""

import json
import re
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.citus.conftest import Distributed
from tests.citus.sealing import seal

INSERT = "audit.insert_audit_log(p_agent_id => 'agent', p_mode => 'LIVE', p_status => 'success')"
HISTORY = json.dumps(
    [{"id": str(uuid4()), "agent_id": "old", "created_at": "2026-01-01T00:00:00Z", "mode": "LIVE"}] * 2
)
ONE_SHARD = "SET LOCAL citus.log_remote_commands = on; SET LOCAL citus.multi_task_query_log_level = 'error'"


@pytest.fixture(scope="module")
def record(distributed: Distributed) -> Any:
    """A record of acme that is sealed."""
    written = distributed.keyed("acme", f"SELECT {INSERT}")
    seal(distributed)
    return written


def shards_of(distributed: Distributed, login: str, enter: str, credential: str, *statements: str) -> set[str]:
    """Return the names of the shards in all that Citus sends to workers while these run, after one enters acme."""
    sent: list[str] = []
    with psycopg.connect(distributed.cluster.url(login)) as connection:
        connection.add_notice_handler(lambda notice: sent.append(notice.message_primary or ""))
        connection.execute(ONE_SHARD)
        connection.execute(f"SELECT {enter}(%s)".encode(), [credential])
        for statement in statements:
            connection.execute(statement.encode())
    return set(re.findall(r"audit_logs_\d+", " ".join(sent)))


CALLS = {
    "a record is written": [f"SELECT {INSERT}"],
    "a record is repeated": [f"SELECT {INSERT[:-1]}, p_id => '{{id}}')"],
    "history is imported again": [f"SELECT audit.import_audit_logs('{HISTORY}')"] * 2,
    "a list": ["SELECT audit.list_audit_logs()"],
    "a list with two filters": ["SELECT audit.list_audit_logs(p_agent_id => 'agent', p_mode => 'LIVE')"],
    "one record by its id": ["SELECT audit.get_audit_log('{id}')"],
    "counts": ["SELECT audit.count_audit_logs()"],
    "the overview": ["SELECT audit.summarize_audit_logs()"],
    "the feed": ["SELECT audit.read_feed()"],
    "a leaf": ["SELECT audit.get_leaf('{id}')"],
    "an export": [
        "SELECT audit.continue_export(audit.begin_export({key})::text)",
        "SELECT lines FROM audit.export_audit_logs()",
    ],
}


@pytest.mark.parametrize("statements", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("way", ["keyed", "named"])
def test_a_call_reaches_the_tenants_shard_alone(
    distributed: Distributed, record: Any, way: str, statements: list[str]
) -> None:
    api_key = distributed.keys["acme"]
    login, enter, credential, key = {
        "keyed": ("audit_app", "audit.enter_tenant", api_key, f"'{api_key}'"),
        "named": ("test_gateway", "audit.set_tenant", "acme", "NULL"),
    }[way]
    if way == "named" and "import" in statements[0]:
        pytest.skip("an import takes a key")
    asked = [statement.replace("{id}", str(record)).replace("{key}", key) for statement in statements]
    shard = distributed.shard_of("acme")[1].removeprefix("audit.")
    assert shards_of(distributed, login, enter, credential, *asked) == {shard}


def test_a_query_of_several_shards_would_be_refused_here(distributed: Distributed) -> None:
    with pytest.raises(psycopg.Error, match="multi-task query"):
        shards_of(distributed, "postgres", "audit.set_tenant", "acme", "SELECT count(*) FROM audit.audit_logs")

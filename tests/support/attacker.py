"""The attacker of the test_attacks_* files: code that got into the service while it handles a request of tenant acme.

It sends what SQL it likes over the service's own connections, as audit_app, a member of audit_keyed; acme's key is all
that it holds. It is after tenant globex.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from app.release import DATABASE_DIRECTORY
from tests.conftest import TestDatabase

INSUFFICIENT_PRIVILEGE = "42501"
RECORDS = {"acme": 2, "globex": 3}
HTTP_STATUS = {"acme": 500, "globex": 503}
# Stands in every record of globex, and must come out nowhere.
SECRET = "globex-confidential"
LIST = "SELECT audit.list_audit_logs(p_limit => 1000)"
COUNT_ALL = "SELECT (audit.list_audit_logs(p_limit => 1000)::json ->> 'count')::int"
NAME = "SELECT set_config('app.tenant_id', %s, true)"
APPEND = "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), {}, 'agent')"
# What a transaction has proven, and how another sets it.
PROOF = "SELECT current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.proof')"
REPLAY = """
    SELECT set_config('app.tenant_id', %s, true), set_config('app.scopes', %s, true),
           set_config('app.proof', %s, true)"""
# But for the events that its own reads leave.
_EVERYTHING_OF_GLOBEX = """
    SELECT 'tenants', to_jsonb(t) FROM audit.tenants AS t WHERE t.id = 'globex'
    UNION ALL SELECT 'audit_logs', to_jsonb(l) FROM audit.audit_logs AS l WHERE l.tenant_id = 'globex'
    UNION ALL SELECT 'admin_events', to_jsonb(e) FROM audit.admin_events AS e
        WHERE e.tenant_id = 'globex' AND e.act <> 'records read'
    UNION ALL SELECT 'api_keys', to_jsonb(k) - 'last_used_at' FROM audit.api_keys AS k WHERE k.tenant_id = 'globex'
    UNION ALL SELECT 'policies', to_jsonb(p) FROM pg_policy AS p
    UNION ALL SELECT 'privileges', to_jsonb(g) FROM audit.granted_privileges() AS g
    ORDER BY 1, 2"""


class Attack:
    """The sessions of the service, and what the attacker has in hand."""

    def __init__(self, database: TestDatabase, opened: ExitStack) -> None:
        self.administrator = database.administrator
        self._database = database
        self._opened = opened
        self.keys = {tenant: self.issue_key(tenant) for tenant in RECORDS}

    def issue_key(self, tenant: str, *scopes: str, expires_in: str | None = None) -> str:
        """Issue one more API key; expires_in: an interval of PostgreSQL."""
        key: str = self.value(
            self.administrator,
            "SELECT audit.issue_api_key(%s, 'attack', %s, clock_timestamp() + %s::interval)",
            tenant,
            list(scopes or ("read", "write")),
            expires_in,
        )
        return key

    def session(self, role: str = "audit_app", **parameters: str) -> Connection[Any]:
        """Open one more session of the service; parameters are libpq's."""
        connection = psycopg.connect(self._database.url(role), autocommit=True, **parameters)  # type: ignore[arg-type]
        return self._opened.enter_context(connection)

    def enter(self, session: Connection[Any], tenant: str = "acme") -> None:
        """Prove `tenant` in the open transaction, as the service does at the start of a request."""
        assert self.value(session, "SELECT audit.enter_tenant(%s)", self.keys[tenant]) == tenant

    @contextmanager
    def request(self, session: Connection[Any] | None = None, tenant: str = "acme") -> Iterator[Connection[Any]]:
        """Give the connection of a request that has just been authenticated. Its transaction ends with the block."""
        connection = session or self.session()
        with connection.transaction():
            self.enter(connection, tenant)
            yield connection

    @staticmethod
    def value(connection: Connection[Any], statement: str, *parameters: Any) -> Any:
        """Run a statement; return the first column of its one row."""
        ((value, *_),) = connection.execute(statement.encode(), parameters or None).fetchall()
        return value

    def everything_of_globex(self) -> list[tuple[Any, ...]]:
        """Return all that must stay as it is, as a superuser sees it."""
        return self.administrator.execute(_EVERYTHING_OF_GLOBEX).fetchall()


def assert_refused(connection: Connection[Any], statement: str, *states: str) -> psycopg.Error:
    """Assert that `statement` fails with one of these SQLSTATEs and tells nothing of globex; return the error."""
    with pytest.raises(psycopg.Error) as caught, connection.transaction():
        connection.execute(statement.encode())
    error = caught.value
    assert error.sqlstate in (states or (INSUFFICIENT_PRIVILEGE,)), f"{statement}: {error.sqlstate} {error}"
    diagnosis = error.diag
    for text in (diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint, diagnosis.context):
        assert SECRET not in (text or "")
    return error


def assert_own_alone(connection: Connection[Any]) -> None:
    """Assert that in this transaction acme reads all of its own records and acts, and none of globex."""
    items = json.loads(Attack.value(connection, LIST))["items"]
    assert {item["tenant_id"] for item in items} == {"acme"}
    assert len(items) >= RECORDS["acme"]
    acts = json.loads(Attack.value(connection, "SELECT audit.list_admin_events()"))["items"]
    assert {act["tenant_id"] for act in acts} == {"acme"}


def assert_nothing(connection: Connection[Any]) -> None:
    """Assert that in this transaction nothing is read, and nothing of globex can be written."""
    for statement in (LIST, "SELECT audit.list_admin_events()"):
        assert_refused(connection, statement, "RF001")
    is_read_only = Attack.value(connection, "SHOW transaction_read_only") == "on"
    states = ("25006",) if is_read_only else (INSUFFICIENT_PRIVILEGE, "RF001")
    assert_refused(connection, APPEND.format("'globex'"), *states)


@contextmanager
def attacking(database: TestDatabase) -> Iterator[Attack]:
    """Give acme and globex their records, and an attack on them; afterwards globex must be just as it was."""
    administrator = database.administrator
    administrator.execute((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_bytes())
    for tenant, records in RECORDS.items():
        administrator.execute(
            sql.SQL(
                "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, http_status, user_id, error)"
                " SELECT gen_random_uuid(), {tenant}, 'agent', 'LIVE', 'error', {http_status}, {secret}, {secret}"
                " FROM generate_series(1, {records})"
            ).format(tenant=tenant, http_status=HTTP_STATUS[tenant], secret=f"{tenant}-confidential", records=records)
        )
    administrator.execute("ANALYZE audit.audit_logs")
    with ExitStack() as opened:
        attack = Attack(database, opened)
        before = attack.everything_of_globex()
        assert len(before) > RECORDS["globex"]
        yield attack
        assert attack.everything_of_globex() == before


def assert_may_do_none(attack: Attack, statements: list[str]) -> None:
    """Each of `statements` is refused in a request, which then still reads and writes what is its own."""
    with attack.request() as connection:
        for statement in statements:
            assert_refused(connection, statement)
            # Nor in a block of a procedural language, which anybody may write.
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(
                    b"DO $block$ BEGIN EXECUTE $statement$" + statement.encode() + b"$statement$; END $block$"
                )
            attack.enter(connection)  # a proof lasts five seconds, and a busy machine may take longer
            assert_own_alone(connection)
        connection.execute(b"SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + 1

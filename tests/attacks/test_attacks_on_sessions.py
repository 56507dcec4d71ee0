"""What one request's code leaves behind in a pooled session: it must not take hold of the next request, of globex."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from app.model.credential import ApiKey
from app.services.db import Database
from tests.conftest import TestDatabase
from tests.support.attacker import (
    COUNT_ALL,
    RECORDS,
    SECRET,
    Attack,
    assert_nothing,
    assert_own_alone,
    assert_refused,
    attacking,
)

LIST = "SELECT audit.list_audit_logs(p_limit => %(limit)s)"
# The statement that the driver keeps for the service's own calls is replaced by one that also keeps what it is given.
TRAP = """
    DO $$
    DECLARE
        v_kept record;
    BEGIN
        FOR v_kept IN SELECT name FROM pg_prepared_statements WHERE statement LIKE '%enter_tenant%' LOOP
            EXECUTE format('DEALLOCATE %I', v_kept.name);
            EXECUTE format('PREPARE %I (text, text) AS SELECT audit.enter_tenant(p_api_key => '
                           'set_config(''loot.key'', $1, false), p_tenant_id => $2)', v_kept.name);
        END LOOP;
    END
    $$"""
# What a session may be told, and what could mislead a function that runs as its owner.
SETTINGS = [
    "search_path = pg_temp, public",
    "row_security = off",
    "standard_conforming_strings = off",
    "backslash_quote = on",
    "quote_all_identifiers = on",
    "transform_null_equals = on",
    "array_nulls = off",
    "bytea_output = escape",
    "datestyle = 'German, DMY'",
    "intervalstyle = sql_standard",
    "timezone = 'Pacific/Kiritimati'",
    "extra_float_digits = -15",
    "client_encoding = LATIN1",
    "lc_numeric = 'C'",
    "xmloption = document",
    "default_transaction_isolation = serializable",
    "default_transaction_read_only = on",
    "plan_cache_mode = force_generic_plan",
    "plpgsql.extra_errors = 'all'",
    "check_function_bodies = off",
    "jit_above_cost = 0",
    "min_parallel_table_scan_size = 0",
    "parallel_setup_cost = 0",
    "statement_timeout = 0",
    "application_name = 'globex'",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


@asynccontextmanager
async def service(database: TestDatabase) -> AsyncIterator[Database]:
    """Run the service's own side of the database, with one session for everybody."""
    served = Database(database.url("audit_app"), pool_size=1, pool_timeout=10)
    await served.open()
    try:
        yield served
    finally:
        await served.close()


def test_no_statement_waits_in_the_session_for_the_next_key(attack: Attack, database: TestDatabase) -> None:
    async def attempt() -> str | None:
        async with service(database) as served:
            for _ in range(10):  # so often that a driver which keeps statements keeps this one
                await served.call(ApiKey(attack.keys["acme"], None), LIST, {"limit": 1})
            async with served._pool.connection() as injected:
                await injected.execute(TRAP)
            tenant, page = await served.call(ApiKey(attack.keys["globex"], None), LIST, {"limit": 10})
            assert tenant == "globex"
            assert f'"count": {RECORDS["globex"]}' in page
            async with served._pool.connection() as injected:
                cursor = await injected.execute("SELECT current_setting('loot.key', true)")
                ((loot,),) = await cursor.fetchall()
        return loot or None

    assert asyncio.run(attempt()) is None


def test_a_statement_prepared_for_one_tenant_obeys_the_next(attack: Attack) -> None:
    session = attack.session()

    def tenants() -> list[str]:
        items = json.loads(attack.value(session, "EXECUTE kept"))["items"]
        return [item["tenant_id"] for item in items]

    with attack.request(session):
        session.execute("PREPARE kept AS SELECT audit.list_audit_logs()")
        for _ in range(7):  # after the fifth time PostgreSQL may keep one plan for all that come
            assert tenants() == ["acme"] * RECORDS["acme"]
    for mode in ("auto", "force_generic_plan", "force_custom_plan"):
        session.execute(f"SET plan_cache_mode = {mode}".encode())
        with attack.request(session, "globex"):
            assert tenants() == ["globex"] * RECORDS["globex"]
        with attack.request(session):
            assert tenants() == ["acme"] * RECORDS["acme"]
    assert_refused(session, "EXECUTE kept", "RF001")


def test_a_cursor_that_is_held_has_what_its_own_tenant_saw(attack: Attack) -> None:
    session = attack.session()
    with attack.request(session):
        session.execute("DECLARE held CURSOR WITH HOLD FOR SELECT audit.list_audit_logs()")
    # It is filled at COMMIT, under whatever tenant is set by then: with another, the transaction fails.
    with pytest.raises(psycopg.Error) as refused, attack.request(session):
        session.execute("DECLARE switching CURSOR WITH HOLD FOR SELECT audit.list_audit_logs()")
        session.execute("SELECT set_config('app.tenant_id', 'globex', true)")
    assert refused.value.sqlstate == "RF001"
    with attack.request(session, "globex"):
        # Filled when acme's transaction ended, and not again. That it can be read here is why a session that ran
        # foreign code should be closed: what acme left, code of globex's request could read.
        page = attack.value(session, "FETCH held")
        assert page.count("acme-confidential") == RECORDS["acme"] * 2
        assert SECRET not in page
        assert attack.value(session, COUNT_ALL) == RECORDS["globex"]


def test_a_cursor_does_not_outlive_its_proof(attack: Attack) -> None:
    session = attack.session()
    with session.transaction():
        session.execute("DECLARE opened CURSOR FOR SELECT audit.list_audit_logs() FROM generate_series(1, 3)")
        session.execute("SAVEPOINT request")
        attack.enter(session, "globex")
        session.execute("ROLLBACK TO SAVEPOINT request")
        assert_refused(session, "FETCH opened", "RF001")
    with session.transaction():
        attack.enter(session, "globex")
        session.execute("DECLARE opened CURSOR FOR SELECT audit.list_audit_logs() FROM generate_series(1, 3)")
        assert SECRET in attack.value(session, "FETCH opened")
        attack.enter(session)
        assert SECRET not in attack.value(session, "FETCH opened")


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_no_tenant_is_entered_on_an_old_snapshot(attack: Attack, isolation: str) -> None:
    # There a key that has been revoked would go on opening its tenant.
    session = attack.session()
    with pytest.raises(psycopg.Error) as refused, session.transaction():
        session.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}".encode())
        attack.enter(session)
    assert refused.value.sqlstate == "25000"
    session.execute(f"SET default_transaction_isolation = '{isolation}'".encode())
    with pytest.raises(psycopg.Error) as refused, attack.request(session):
        pass
    assert refused.value.sqlstate == "25000"
    # Nor does a transaction change its kind once the tenant is entered.
    session.execute("RESET default_transaction_isolation")
    with attack.request(session) as connection:
        assert_refused(connection, f"SET TRANSACTION ISOLATION LEVEL {isolation}", "25001")
        assert_own_alone(connection)


@pytest.mark.parametrize("commit", ["off", "local", "on", "remote_write", "remote_apply"])
def test_a_record_is_on_the_disk_when_it_is_acknowledged_whatever_the_session_was_left_with(
    attack: Attack, commit: str
) -> None:
    session = attack.session()
    session.execute(f"SET SESSION synchronous_commit = {commit}".encode())
    for _ in range(2):
        with attack.request(session) as connection:
            connection.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
            wanted = commit if commit.startswith("remote") else "on"
            assert attack.value(connection, "SHOW synchronous_commit") == wanted


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_misleads_the_proof(attack: Attack, setting: str) -> None:
    session = attack.session()
    session.execute(f"SET SESSION {setting}".encode())
    # The service may come to a halt by its own settings; more is not to be had.
    try:
        with attack.request(session) as connection:
            assert_own_alone(connection)
            connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
            assert_nothing(connection)
    except psycopg.Error as error:
        assert error.sqlstate in ("42501", "25006", "25000"), error
        assert setting.startswith(("row_security", "default_transaction_"))
    session.execute("RESET ALL")
    with attack.request(session) as connection:
        assert_own_alone(connection)


def test_a_notification_comes_from_whoever_sends_it(attack: Attack) -> None:
    # Records make no notification; code of one request may send one to code of another, of what it knows itself.
    listener = attack.session()
    listener.execute("LISTEN audit_logs")
    with attack.request(tenant="globex") as connection:
        connection.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        connection.execute("NOTIFY audit_logs, 'by hand'")
        raise psycopg.Rollback
    with attack.request() as connection:
        connection.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        connection.execute("NOTIFY audit_logs, 'of acme'")
    assert [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)] == ["of acme"]


def test_a_large_object_is_no_record(attack: Attack) -> None:
    # Anybody may make one, as long as the server's owner does not forbid it. Records are never in one, and what code of
    # one request puts there by hand, code of another can read: they are one role.
    with attack.request() as connection:
        number = attack.value(connection, "SELECT lo_from_bytea(0, 'by hand'::bytea)")
        assert attack.value(connection, "SELECT lo_get(%s)", number) == b"by hand"
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_nothing(connection)
        raise psycopg.Rollback

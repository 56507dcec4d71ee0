"""Naming globex, with or without a stolen, stale or altered proof, shows and writes nothing of it."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import ClientCursor

from tests.conftest import TestDatabase
from tests.support.attacker import (
    APPEND,
    COUNT_ALL,
    LIST,
    RECORDS,
    Attack,
    assert_nothing,
    assert_own_alone,
    assert_refused,
    attacking,
)

PROOF = "SELECT current_setting('app.tenant_id'), current_setting('app.scopes'), current_setting('app.proof')"
REPLAY = """
    SELECT set_config('app.tenant_id', %s, true), set_config('app.scopes', %s, true),
           set_config('app.proof', %s, true)"""
# One statement each, which is what injected SQL mostly is. {0}: the tenant.
SWITCHES = {
    "a materialized CTE": """
        WITH switched AS MATERIALIZED (SELECT set_config('app.tenant_id', {0}, true) AS tenant)
        SELECT audit.list_audit_logs() FROM switched WHERE tenant = {0}""",
    "a lateral sub-select": """
        SELECT l.page
        FROM (SELECT set_config('app.tenant_id', {0}, true) AS tenant OFFSET 0) AS s
        CROSS JOIN LATERAL (SELECT audit.list_audit_logs(p_agent_id => left(s.tenant, 0) || 'agent') AS page) AS l""",
    "an argument": """
        SELECT audit.list_audit_logs(
            p_order => CASE WHEN set_config('app.tenant_id', {0}, true) IS NOT NULL THEN 'desc' END)""",
    "the function behind it": """
        SELECT audit.list_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL,
            CASE WHEN set_config('app.tenant_id', {0}, true) IS NOT NULL THEN 'desc' END)""",
    "a claimed scope of the owner": """
        SELECT audit.list_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL, 'desc')
        FROM (SELECT set_config('app.tenant_id', {0}, true), set_config('app.scope', 'read,write', true)
              OFFSET 0) AS s""",
    "one record by its id": """
        SELECT audit.get_audit_log(CASE WHEN set_config('app.tenant_id', {0}, true) IS NOT NULL THEN own.id END)
        FROM (SELECT (audit.list_audit_logs()::json -> 'items' -> 0 ->> 'id')::uuid AS id OFFSET 0) AS own""",
    "back and forth": """
        SELECT audit.list_audit_logs(p_agent_id => left(s.tenant, 0) || 'agent')
        FROM generate_series(1, 9) AS n
        CROSS JOIN LATERAL (
            SELECT set_config('app.tenant_id', CASE n % 2 WHEN 0 THEN 'acme' ELSE {0} END, true) AS tenant
            OFFSET 0) AS s""",
    "a block": """
        SELECT audit.list_audit_logs() FROM (SELECT set_config('app.tenant_id', {0}, true) OFFSET 0) AS s
        WHERE audit.proven_tenant('read') IS NOT NULL OR true""",
}
# In one message: acme's request, then the same proof in the transaction after it.
NEXT_TRANSACTION = """
    BEGIN;
    SELECT audit.enter_tenant(%s);
    SELECT (audit.list_audit_logs()::json ->> 'count')::int AS count;
    SELECT set_config('loot.proof', current_setting('app.proof'), false),
           set_config('loot.scopes', current_setting('app.scopes'), false);
    {end};
    SELECT set_config('app.tenant_id', 'acme', true),
           set_config('app.scopes', current_setting('loot.scopes', true), true),
           set_config('app.proof', current_setting('loot.proof', true), true);
    SELECT count(audit.proven_tenant(scope))::int AS count FROM unnest(ARRAY['read', 'write']) AS scope;
    COMMIT"""


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def test_naming_another_tenant_opens_nothing(attack: Attack) -> None:
    with attack.request() as connection:
        assert_own_alone(connection)
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_nothing(connection)
        assert attack.value(connection, "SELECT audit.proven_tenant('read')") is None
        assert_refused(connection, "SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        connection.execute("SELECT set_config('app.tenant_id', 'acme', true)")
        assert_own_alone(connection)


@pytest.mark.parametrize("switch", SWITCHES)
def test_switching_tenants_within_one_statement_opens_nothing(attack: Attack, switch: str) -> None:
    with attack.request() as connection:
        for settings in ("SELECT", "SET LOCAL enable_seqscan = off", "SET LOCAL enable_indexscan = off"):
            connection.execute(settings.encode())
            attack.enter(connection)  # a proof lasts five seconds, and a busy machine may take longer
            assert_refused(connection, SWITCHES[switch].format("'globex'"), "RF001")
            own = connection.execute(SWITCHES[switch].format("'acme'").encode()).fetchall()
            assert "acme-confidential" in str(own)


def test_a_record_of_another_tenant_cannot_be_written_within_one_statement(attack: Attack) -> None:
    switching = APPEND.format("set_config('app.tenant_id', {}, true)")
    with attack.request() as connection:
        assert_refused(connection, switching.format("'globex'"))
        connection.execute(switching.format("'acme'").encode())
        # The row before is acme's own; the policy asks again for each.
        alternating = """
            INSERT INTO audit.audit_logs (id, tenant_id, agent_id)
            SELECT gen_random_uuid(), set_config('app.tenant_id', tenant, true), 'agent'
            FROM unnest(ARRAY[{}]) AS tenant"""
        assert_refused(connection, alternating.format("'acme', 'globex', 'acme'"))
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + 1


def test_a_tenant_of_the_session_or_of_the_connection_opens_nothing(attack: Attack) -> None:
    session = attack.session(options="-c app.tenant_id=globex -c app.scopes=read,write -c app.proof=1:2:3:4")
    assert attack.value(session, "SELECT current_setting('app.tenant_id')") == "globex"
    assert_nothing(session)
    with attack.request(session) as connection:
        assert_own_alone(connection)
        connection.execute("SET SESSION app.tenant_id = 'globex'")
        assert_nothing(connection)
    assert_nothing(session)


def test_a_proof_ends_with_its_transaction(attack: Attack) -> None:
    session = attack.session()
    with attack.request(session) as connection:
        proof = connection.execute(PROOF).fetchone()
        # Also where it was made to last for the session.
        connection.execute(REPLAY.replace("true", "false").encode(), proof)
        assert_own_alone(connection)
    assert session.execute(PROOF).fetchone() == proof
    assert_nothing(session)
    with session.transaction():
        session.execute(REPLAY.encode(), proof)
        assert_nothing(session)
        session.execute("SELECT pg_current_xact_id()")
        assert_nothing(session)
    with attack.request(session) as connection:
        assert_own_alone(connection)


def test_a_proof_is_worth_nothing_in_another_session(attack: Attack) -> None:
    thief = attack.session()
    with attack.request(tenant="globex") as victim:
        proof = victim.execute(PROOF).fetchone()
        snapshot = attack.value(victim, "SELECT pg_export_snapshot()")
        with attack.request(thief) as connection:
            connection.execute(REPLAY.encode(), proof)
            assert_nothing(connection)
        with thief.transaction():
            thief.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            thief.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'".encode())
            thief.execute(REPLAY.encode(), proof)
            assert_nothing(thief)
        assert f'"count": {RECORDS["globex"]}' in attack.value(victim, LIST)


def test_a_proof_does_not_outlive_its_savepoint(attack: Attack) -> None:
    session = attack.session()
    with session.transaction():
        session.execute("SAVEPOINT request")
        attack.enter(session, "globex")
        proof = session.execute(PROOF).fetchone()
        session.execute("ROLLBACK TO SAVEPOINT request")
        session.execute(REPLAY.encode(), proof)
        assert_nothing(session)
        session.execute("SAVEPOINT another")
        session.execute(REPLAY.encode(), proof)
        assert_nothing(session)
        session.execute("ROLLBACK TO SAVEPOINT request")
        # One that is released goes on in its transaction.
        session.execute("SAVEPOINT request")
        attack.enter(session)
        session.execute("RELEASE SAVEPOINT request")
        assert_own_alone(session)


@pytest.mark.parametrize("end", ["COMMIT; BEGIN", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
def test_a_proof_does_not_reach_the_next_transaction_of_the_same_message(attack: Attack, end: str) -> None:
    cursor = ClientCursor(attack.session())
    cursor.execute(NEXT_TRANSACTION.format(end=end).encode(), [attack.keys["acme"]])
    counts = []
    while True:
        if cursor.description and cursor.description[0].name == "count":
            counts += cursor.fetchall()
        if not cursor.nextset():
            break
    assert counts == [(RECORDS["acme"],), (0,)]


def test_an_altered_proof_is_none(attack: Attack) -> None:
    with attack.request() as connection:
        found = connection.execute(PROOF).fetchone()
        assert found is not None
        tenant, scopes, proof = found
        secret, number, entered, code = proof.split(":")
        later = f"{float(entered) + 3600:.6f}"
        altered = [
            ("globex", scopes, proof),
            ("globex", scopes, ""),
            ("globex", scopes, ":::"),
            ("globex", scopes, "::::::::"),
            ("globex", "read,write", f"{secret}:{number}:{entered}:"),
            ("globex|acme", scopes, proof),
            (f"acme|{scopes}", str(number), proof),
            (tenant, f"{scopes},admin", proof),
            (tenant, "read", proof),
            (tenant, "", proof),
            (tenant, f"{scopes}|{number}", f"{secret}:{entered}::{code}"),
            (tenant, scopes, f"2:{number}:{entered}:{code}"),
            (tenant, scopes, f"{secret}:{int(number) + 1}:{entered}:{code}"),
            (tenant, scopes, f"{secret}:{number}:{later}:{code}"),
            (tenant, scopes, f"{secret}:{number}:{entered}:{code[:-1]}"),
            (tenant, scopes, f"{secret}:{number}:{entered}:{code.upper()}"),
            (tenant, scopes, f"{secret}:{number}:{entered}:%"),
            (tenant, scopes, f"{secret}:{number}:{entered}:{'0' * 64}"),
            (tenant, scopes, f"{secret}:x:NaN:{code}"),
            (tenant, scopes, "0" * 1_000_000),
            (tenant, scopes, ":" * 100_000),
        ]
        for forged in altered:
            connection.execute(REPLAY.encode(), forged)
            assert attack.value(connection, "SELECT audit.proven_tenant('read')") is None, forged
            assert_refused(connection, LIST, "RF001", "RF006")
            assert_refused(connection, APPEND.format("current_setting('app.tenant_id')"), "42501", "23514")
        connection.execute(REPLAY.encode(), (tenant, scopes, proof))
        assert_own_alone(connection)


def test_a_scope_cannot_be_added(attack: Attack) -> None:
    for scope, other in (("read", "write"), ("write", "read")):
        session = attack.session()
        with session.transaction():
            session.execute("SELECT audit.enter_tenant(%s)", [attack.issue_key("acme", scope)])
            for claimed in (scope, "read,write", "write,read", other):
                session.execute("SELECT set_config('app.scopes', %s, true)", [claimed])
                genuine = claimed == scope
                if genuine and scope == "read":
                    assert_own_alone(session)
                else:
                    assert_refused(session, LIST, "RF001", "RF006")
                    assert_refused(session, "SELECT audit.list_admin_events()", "RF001", "RF006")
                if genuine and scope == "write":
                    session.execute(APPEND.format("'acme'").encode())
                else:
                    assert_refused(session, APPEND.format("'acme'"))


def test_the_key_of_one_tenant_opens_no_other(attack: Attack) -> None:
    public_id, secret = attack.keys["globex"].split("_")[1:]
    _, own_id, own_secret = attack.keys["acme"].split("_")
    guesses = [
        f"rf_{public_id}_{own_secret}",
        f"rf_{own_id}_{secret}",
        f"rf_{public_id}_{'0' * 64}",
        f"rf_{public_id}_" + "%" * 64,
        f"rf_{public_id}_' OR true --".ljust(84, "x"),
        f"rf_{public_id}_{secret}"[:-1],
        f"rf_{public_id}_{secret}0",
        f"RF_{public_id}_{secret}",
        "",
        "x" * 1_000_000,
    ]
    with attack.request() as connection:
        # A tenant that there is and one that there is not are refused in the same words.
        answers = set()
        for tenant in ("globex", "nobody", ""):
            with pytest.raises(psycopg.Error) as refused, connection.transaction():
                connection.execute("SELECT audit.enter_tenant(%s, %s)", [attack.keys["acme"], tenant])
            answers.add((refused.value.sqlstate, str(refused.value)))
        assert len(answers) == 1
        for guess in guesses:
            with pytest.raises(psycopg.Error) as refused, connection.transaction():
                connection.execute("SELECT audit.enter_tenant(%s)", [guess])
            assert refused.value.sqlstate == "RF005"
            assert refused.value.diag.message_detail in ("unknown", "malformed")
            assert_own_alone(connection)

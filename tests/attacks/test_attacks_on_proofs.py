"""Naming globex, with or without a stolen, stale or altered proof, shows and writes nothing of it."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import (
    APPEND,
    COUNT_ALL,
    LIST,
    PROOF,
    RECORDS,
    REPLAY,
    Attack,
    assert_nothing,
    assert_own_alone,
    assert_refused,
    attacking,
)

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
            CASE WHEN set_config('app.tenant_id', {0}, true) IS NOT NULL THEN 'desc' END, NULL, NULL)""",
    "a claimed scope of the owner": """
        SELECT audit.list_proven_audit_logs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 50, NULL, 'desc', NULL,
                                            NULL)
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
        # The row before is acme's own; each is compared with the tenant that was proven.
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


def test_an_altered_proof_is_none(attack: Attack) -> None:
    with attack.request() as connection:
        found = connection.execute(PROOF).fetchone()
        assert found is not None
        tenant, scopes, proof = found
        secret, key, entered, code = proof.split(":")
        later = f"{float(entered) + 3600:.6f}"
        other = attack.issue_key("acme").split("_")[1]
        altered = [
            ("globex", scopes, proof),
            ("globex", scopes, ""),
            ("globex", scopes, ":::"),
            ("globex", scopes, "::::::::"),
            ("globex", "read,write", f"{secret}:{key}:{entered}:"),
            ("globex4:acme", scopes, proof),
            ("acm", f"e{scopes}", proof),
            (f"acme{scopes[:-5]}", "write", proof),
            (f"acme10:{scopes}", key, proof),
            (tenant, f"{scopes},admin", proof),
            (tenant, "read", proof),
            (tenant, "", proof),
            (tenant, f"{scopes}{key}", f"{secret}::{entered}:{code}"),
            (tenant, f"{scopes}{key[0]}", f"{secret}:{key[1:]}:{entered}:{code}"),
            (tenant, scopes, f"{secret}:{key}{entered[0]}:{entered[1:]}:{code}"),
            (tenant, scopes, f"{secret}:{other}:{entered}:{code}"),
            (tenant, scopes, f"{secret}:{attack.keys['globex'].split('_')[1]}:{entered}:{code}"),
            (tenant, scopes, f"{secret}::{entered}:{code}"),
            (tenant, scopes, f"2:{key}:{entered}:{code}"),
            (tenant, scopes, f"{secret}:{key}:{later}:{code}"),
            (tenant, scopes, f"{secret}:{key}:{entered}:{code[:-1]}"),
            (tenant, scopes, f"{secret}:{key}:{entered}:{code.upper()}"),
            (tenant, scopes, f"{secret}:{key}:{entered}:%"),
            (tenant, scopes, f"{secret}:{key}:{entered}:{'0' * 64}"),
            (tenant, scopes, f"{secret}:{key}:NaN:{code}"),
            (tenant, scopes, "0" * 1_000_000),
            (tenant, scopes, ":" * 100_000),
        ]
        for forged in altered:
            connection.execute(REPLAY.encode(), forged)
            assert attack.value(connection, "SELECT audit.proven_tenant('read')") is None, forged
            assert_refused(connection, LIST, "RF001", "RF006")
            assert_refused(connection, APPEND.format("current_setting('app.tenant_id')"), "42501", "23514")
            for scope in ("read", "write"):
                assert_refused(connection, f"SELECT audit.record_api_key_use('{scope}')", "RF001", "RF006")
        connection.execute(REPLAY.encode(), (tenant, scopes, proof))
        assert_own_alone(connection)


def test_the_key_on_record_is_the_one_that_was_shown(attack: Attack) -> None:
    other = attack.issue_key("acme").split("_")[1]
    known = attack.administrator.execute("SELECT api_key_id, last_used_at FROM audit.api_key_uses").fetchall()
    with attack.request() as connection:
        for name in ("app.api_key", "app.key", "app.scope", "app.proven_api_key"):
            connection.execute("SELECT set_config(%s, %s, true)", [name, other])
        connection.execute("SELECT audit.record_api_key_use('read')")
    used = attack.administrator.execute("SELECT api_key_id, last_used_at FROM audit.api_key_uses").fetchall()
    acts = attack.administrator.execute(
        "SELECT api_key_id FROM audit.admin_events WHERE act = 'records read'"
    ).fetchall()
    shown = attack.keys["acme"].split("_")[1]
    assert {key for key, _ in set(used) - set(known)} == {shown}
    assert acts == [(shown,)]


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

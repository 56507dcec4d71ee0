"""A copy of a proof is worth nothing in a later transaction or another session, and opens no other tenant anywhere."""

from collections.abc import Iterator

import pytest
from psycopg import ClientCursor

from tests.conftest import TestDatabase
from tests.support.attacker import (
    LIST,
    PROOF,
    RECORDS,
    REPLAY,
    Attack,
    assert_nothing,
    assert_own_alone,
    attacking,
)

# Acme's request, a copy of whose proof is kept in a prepared statement, which no ROLLBACK takes away. %% is one %.
REQUEST = """
    BEGIN;
    SELECT audit.enter_tenant(%s);
    SELECT (audit.list_audit_logs()::json ->> 'count')::int AS count;
    DO $$ BEGIN EXECUTE format('PREPARE loot AS SELECT %%L::text', current_setting('app.proof')); END $$;
    """
# In the transaction after it: how many scopes are proven with nothing set, with the copy, and with the copy for globex.
NEXT_TRANSACTION = """
    {end};
    SELECT count(audit.proven_tenant(scope))::int AS count FROM unnest(ARRAY['read', 'write']) AS scope;
    DO $$
    DECLARE
        v_proof text;
    BEGIN
        EXECUTE 'EXECUTE loot' INTO STRICT v_proof;
        PERFORM set_config('app.tenant_id', 'acme', true), set_config('app.scopes', 'read,write', true),
                set_config('app.proof', v_proof, true);
    END
    $$;
    SELECT count(audit.proven_tenant(scope))::int AS count FROM unnest(ARRAY['read', 'write']) AS scope;
    SELECT set_config('app.tenant_id', 'globex', true);
    SELECT count(audit.proven_tenant(scope))::int AS count FROM unnest(ARRAY['read', 'write']) AS scope;
    COMMIT"""


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


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


def test_a_proof_goes_with_its_savepoint_and_a_copy_lasts_as_long_as_the_transaction(attack: Attack) -> None:
    session = attack.session()
    with session.transaction():
        session.execute("SAVEPOINT request")
        attack.enter(session, "acme")
        proof = session.execute(PROOF).fetchone()
        session.execute("ROLLBACK TO SAVEPOINT request")
        assert_nothing(session)
        # Given up: whoever sets it again has held the key in this very transaction.
        session.execute(REPLAY.encode(), proof)
        assert_own_alone(session)
        session.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_nothing(session)
        session.execute("ROLLBACK TO SAVEPOINT request")
        assert_nothing(session)
        # One that is released goes on in its transaction.
        session.execute("SAVEPOINT request")
        attack.enter(session)
        session.execute("RELEASE SAVEPOINT request")
        assert_own_alone(session)
    with session.transaction():
        session.execute(REPLAY.encode(), proof)
        assert_nothing(session)


def counts(cursor: ClientCursor[tuple[int]], message: str, parameters: list[str]) -> list[int]:
    """Send one message of several statements; return the counts that they answer."""
    cursor.execute(message.encode(), parameters or None)
    found = []
    while True:
        if cursor.description and cursor.description[0].name == "count":
            found += [count for (count,) in cursor.fetchall()]
        if not cursor.nextset():
            return found


@pytest.mark.parametrize("end", ["COMMIT; BEGIN", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
def test_a_proof_does_not_reach_the_transaction_of_the_next_message(attack: Attack, end: str) -> None:
    cursor = ClientCursor(attack.session())
    assert counts(cursor, REQUEST, [attack.keys["acme"]]) == [RECORDS["acme"]]
    assert counts(cursor, NEXT_TRANSACTION.format(end=end), []) == [0, 0, 0]


@pytest.mark.parametrize("end", ["COMMIT; BEGIN", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
def test_a_copy_of_a_proof_reaches_the_next_transaction_of_the_same_message(attack: Attack, end: str) -> None:
    # Given up: transactions that one message begins have one start, and the message had the key.
    cursor = ClientCursor(attack.session())
    message = REQUEST + NEXT_TRANSACTION.format(end=end)
    assert counts(cursor, message, [attack.keys["acme"]]) == [RECORDS["acme"], 0, 2, 0]


def test_a_proof_does_not_reach_the_next_transaction_of_a_block(attack: Attack) -> None:
    session = attack.session()
    session.execute("SELECT set_config('loot.key', %s, false)", [attack.keys["acme"]])
    session.execute("""
        DO $$
        DECLARE
            v_proof text;
        BEGIN
            PERFORM audit.enter_tenant(current_setting('loot.key'));
            v_proof := current_setting('app.proof');
            PERFORM set_config('loot.first', audit.proven_tenant('read'), false);
            COMMIT;
            PERFORM set_config('app.tenant_id', 'acme', true), set_config('app.scopes', 'read,write', true),
                    set_config('app.proof', v_proof, true);
            PERFORM set_config('loot.second', coalesce(audit.proven_tenant('read'), 'nothing'), false);
        END
        $$""")
    assert attack.value(session, "SELECT current_setting('loot.first')") == "acme"
    assert attack.value(session, "SELECT current_setting('loot.second')") == "nothing"

"""What PostgreSQL can be told to print about itself shows no secret: plans, debug messages, under any setting."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import TestDatabase
from tests.support.attacker import APPEND, LIST, NAME, SECRET, Attack, assert_nothing, assert_own_alone, attacking
from tests.support.listening import found_in, listen
from tests.support.spooled_records import spooled

# Everything that a session may have printed, to itself. No line breaks: they would fall in the middle of numbers.
PRINT_EVERYTHING = """
    SET client_min_messages = debug5; SET debug_print_parse = on; SET debug_print_rewritten = on;
    SET debug_print_plan = on; SET debug_pretty_print = off; SET log_parameter_max_length_on_error = -1;
    SET trace_notify = on; SET trace_sort = on; SET plpgsql.extra_warnings = 'all';
    SET plpgsql.print_strict_params = on"""
# As it must not be: the secret in variables.
SECRET_IN_VARIABLES = """
    CREATE OR REPLACE FUNCTION audit.tenant_proof(
        p_secret_id text, p_tenant_id text, p_scopes text, p_api_key_id text, p_restriction text, p_entered text)
    RETURNS text LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        v_inner bytea;
        v_outer bytea;
        v_proof text;
    BEGIN
        SELECT s.inner_key, s.outer_key INTO v_inner, v_outer FROM audit.proof_secrets AS s;
        SELECT encode(sha256(v_outer || sha256(v_inner || convert_to(
                   length(p_tenant_id) || ':' || p_tenant_id || length(p_scopes) || ':' || p_scopes
                   || length(p_api_key_id) || ':' || p_api_key_id || length(p_restriction) || ':' || p_restriction
                   || length(p_entered) || ':' || p_entered || i,
                   'UTF8'))), 'hex')
        INTO v_proof FROM audit.transaction_identity() AS i;
        RETURN v_proof;
    END
    $$"""
# Of the transaction, not of the session; default_transaction_* are tried.
NOT_TRIED = ("transaction_deferrable", "transaction_isolation", "transaction_read_only")
# They may end the session.

ENDING = ("exit_on_error", "idle_in_transaction_session_timeout", "idle_session_timeout", "transaction_timeout")


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def secrets_of(attack: Attack) -> dict[str, bytes]:
    """Return what nobody may be told, by name."""
    rows = attack.administrator.execute(
        "SELECT 'inner key', inner_key FROM audit.proof_secrets"
        " UNION ALL SELECT 'outer key', outer_key FROM audit.proof_secrets"
        " UNION ALL SELECT 'hash of ' || id, secret_sha256 FROM audit.api_keys"
        " UNION ALL SELECT 'inner spool key of ' || id, spool_inner_key FROM audit.api_keys"
        " UNION ALL SELECT 'outer spool key of ' || id, spool_outer_key FROM audit.api_keys"
        " UNION ALL SELECT 'record ' || id, uuid_send(id) FROM audit.audit_logs WHERE tenant_id = 'globex'"
    ).fetchall()
    return {name: bytes(value) for name, value in rows} | {
        # Without what it shares with acme's text, and with what the attacker sends himself.
        "globex's text": SECRET.encode()[:13],
        "globex's key": attack.keys["globex"].split("_")[2].encode(),
    }


def use_all(attack: Attack, session: Connection[Any], key: str) -> None:
    """Call every function that knows more than its caller, in ways that succeed and in ways that fail."""
    with session.transaction():
        session.execute("SELECT audit.enter_tenant(%s)", [key])
        session.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'error')")
        session.execute(LIST.encode())
        session.execute("SELECT audit.list_admin_events()")
        session.execute("SELECT audit.proven_tenant('read'), audit.proven_tenant('write')")
        session.execute("SELECT audit.are_stored('[{}]')")
        session.execute("SELECT audit.describe_api_key(%s)", [key])
        session.execute("SELECT audit.record_api_key_use('read')")
        public_id = attack.keys["globex"].split("_")[1]
        sent = [spooled(key), spooled(key, api_key_id=public_id), spooled(key, mode="TEST")]
        session.execute("SELECT audit.replay_audit_logs(%s)", [json.dumps(sent)])
        session.execute(NAME.encode(), ["globex"])
        for statement in (
            LIST,
            f"SELECT audit.enter_tenant('rf_{public_id}_{'0' * 64}')",
            "SELECT audit.insert_audit_log('agent', 'LIVE', 'error')",
            APPEND.format("'globex'"),
            "SELECT FROM audit.audit_logs WHERE tenant_id = 'globex' AND error > 'a'",
            "SELECT inner_key FROM audit.proof_secrets",
        ):
            with pytest.raises(psycopg.Error), session.transaction():
                session.execute(statement.encode())
        raise psycopg.Rollback


@pytest.mark.parametrize("plans", ["auto", "force_custom_plan", "force_generic_plan"])
def test_no_plan_or_debug_message_shows_a_secret(attack: Attack, plans: str) -> None:
    session = attack.session()
    heard = listen(session)
    session.execute(PRINT_EVERYTHING.encode())
    session.execute(f"SET plan_cache_mode = {plans}".encode())
    for _ in range(7):  # the first five are planned with the values at hand, the others perhaps not
        use_all(attack, session, attack.keys["acme"])
    # It is heard, and the caller's own key is in it, since he sent it.
    assert any("{PLANNEDSTMT" in said for said in heard)
    assert found_in(heard, {"own": attack.keys["acme"].encode()})
    assert found_in(heard, secrets_of(attack)) == set()


def heard_with_a_secret_in_a_variable(attack: Attack) -> set[str]:
    attack.administrator.execute(SECRET_IN_VARIABLES)
    session = attack.session()
    heard = listen(session)
    session.execute(PRINT_EVERYTHING.encode())
    use_all(attack, session, attack.keys["acme"])
    return found_in(heard, secrets_of(attack))


def test_a_secret_in_a_variable_would_be_heard_but_for_the_pinned_settings(attack: Attack) -> None:
    for setting in ("debug_print_parse", "debug_print_rewritten", "debug_print_plan", "plpgsql.print_strict_params"):
        for (function,) in attack.administrator.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'audit'::regnamespace AND prosecdef"
        ).fetchall():
            attack.administrator.execute(f"ALTER FUNCTION {function} RESET {setting}".encode())
    assert heard_with_a_secret_in_a_variable(attack) == {"inner key", "outer key"}


def test_with_the_pinned_settings_not_even_a_secret_in_a_variable_is_heard(attack: Attack) -> None:
    assert heard_with_a_secret_in_a_variable(attack) == set()


def extremes(attack: Attack) -> list[tuple[str, str]]:
    """Return every setting of a session with the values that lie furthest from its default."""
    rows = attack.administrator.execute(
        "SELECT name, vartype, setting, enumvals, min_val, max_val FROM pg_settings"
        " WHERE context = 'user' ORDER BY name"
    ).fetchall()
    tried = []
    for name, kind, setting, values, lowest, highest in rows:
        if name in NOT_TRIED or kind == "string":
            continue
        choices = {"bool": ["on", "off"], "enum": values}.get(kind, [lowest, highest])
        tried += [(name, choice) for choice in choices if choice != setting]
    return tried


def test_no_setting_of_a_session_opens_or_shows_anything(attack: Attack) -> None:
    secrets = secrets_of(attack)
    heard: list[str] = []
    session: Connection[Any] | None = None
    served, tried = 0, extremes(attack)
    for name, value in tried:
        if session is None or session.closed:
            session = attack.session()
            heard = listen(session)
        try:
            session.execute("RESET ALL")
            session.execute("SELECT set_config(%s, %s, false)", [name, value])
            with attack.request(session) as connection:
                assert_own_alone(connection)
                connection.execute(NAME.encode(), ["globex"])
                assert_nothing(connection)
            served += 1
        except (psycopg.Error, AssertionError) as error:
            if session.closed:  # a limit of time that ends it, or any error
                assert name in ENDING, error
                continue
            if isinstance(error, AssertionError):
                raise
            # It may come to a halt by its own settings: no time, read-only, another isolation level.
            assert error.sqlstate in ("57014", "25006", "25000", "42501"), (name, error)
    assert found_in(heard, secrets) == set()
    assert served > len(tried) * 0.8

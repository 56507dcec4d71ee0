"""A key that has ended opens nothing more within five seconds, and the secret is replaced under load without a loss."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import Connection

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
from tests.support.polling import eventually

LIMIT_SECONDS = 5.0
SLACK_SECONDS = 1.0
# Statements that go on, each step of which is a statement of its own that asks for the tenant anew, and the SQLSTATEs
# with which they may end.
LONG_STATEMENTS = {
    "reads": ("SELECT audit.list_audit_logs() FROM {steps}", {"RF001"}),
    "appends": ("SELECT audit.insert_audit_log('agent', 'LIVE', 'success') FROM {steps}", {"RF001"}),
    "inserts one by one": (
        "DO $$ BEGIN LOOP PERFORM pg_sleep(0.1);"
        " INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'acme', 'agent');"
        " END LOOP; END $$",
        {"RF001"},
    ),
    "enters again": ("SELECT audit.enter_tenant('{key}'), audit.list_audit_logs() FROM {steps}", {"RF005"}),
    "enters again, or goes on without": (
        "DO $$ BEGIN LOOP PERFORM pg_sleep(0.1);"
        " BEGIN PERFORM audit.enter_tenant('{key}'); EXCEPTION WHEN SQLSTATE 'RF005' THEN NULL; END;"
        " PERFORM audit.list_audit_logs(); END LOOP; END $$",
        {"RF001"},
    ),
}
STEPS = "generate_series(1, {}) AS n CROSS JOIN LATERAL (SELECT pg_sleep(0.1 + n * 0) OFFSET 0) AS waiting"
# Asks for the tenant once, with its first row.
LONG_INSERT = (
    "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) SELECT gen_random_uuid(), 'acme', 'agent' FROM {steps}"
)


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def seconds_until_refused(session: Connection[object], statement: str, since: float) -> float:
    """Send `statement` again and again, until no tenant is proven any more; return when that was, after `since`."""
    while True:
        try:
            with session.transaction():
                session.execute(statement.encode())
        except psycopg.Error as error:
            assert error.sqlstate == "RF001", error
            return time.monotonic() - since
        assert time.monotonic() - since < LIMIT_SECONDS + SLACK_SECONDS
        time.sleep(0.02)


def test_a_revoked_key_loses_its_hold_on_an_open_transaction(attack: Attack) -> None:
    key = attack.issue_key("acme")
    session = attack.session()
    with session.transaction():
        session.execute("SELECT audit.enter_tenant(%s)", [key])
        assert_own_alone(session)
        attack.administrator.execute("SELECT audit.revoke_api_key(%s)", [key.split("_")[1]])
        seconds_until_refused(session, LIST, time.monotonic())
        assert_nothing(session)
        assert_refused(session, APPEND.format("'acme'"), "RF001")
        assert_refused(session, f"SELECT audit.enter_tenant('{key}')", "RF005")
        # Acme's other key goes on, as it was before the first had lost its hold.
        attack.enter(session)
        assert_own_alone(session)


def test_a_revoked_key_loses_its_hold_within_a_statement_that_goes_on(attack: Attack) -> None:
    key = attack.issue_key("acme")
    sessions = {name: attack.session() for name in LONG_STATEMENTS}
    started = threading.Barrier(len(sessions) + 1)

    def go_on(name: str) -> tuple[str | None, float]:
        session, (statement, _) = sessions[name], LONG_STATEMENTS[name]
        try:
            with session.transaction():
                session.execute("SET LOCAL statement_timeout = '10s'")
                session.execute("SELECT audit.enter_tenant(%s)", [key])
                started.wait(timeout=30)
                session.execute(statement.format(steps=STEPS.format(200), key=key).encode())
        except psycopg.Error as error:
            return error.sqlstate, time.monotonic()
        return None, time.monotonic()

    with ThreadPoolExecutor(len(sessions)) as threads:
        ends = {name: threads.submit(go_on, name) for name in sessions}
        started.wait(timeout=30)
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'audit_app'"
        eventually(lambda: attack.value(attack.administrator, asleep) >= 1)
        attack.administrator.execute("SELECT audit.revoke_api_key(%s)", [key.split("_")[1]])
        revoked = time.monotonic()
        for name, end in ends.items():
            state, ended = end.result()
            assert state in LONG_STATEMENTS[name][1], name
            assert ended - revoked < LIMIT_SECONDS + SLACK_SECONDS, name
    # What it had written by then is gone with the transactions.
    with attack.request() as connection:
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"]


def test_a_statement_that_has_asked_goes_on_to_its_end_and_the_next_is_refused(attack: Attack) -> None:
    key = attack.issue_key("acme")
    session, rows = attack.session(), 65
    with ThreadPoolExecutor(1) as threads, session.transaction():
        session.execute("SELECT audit.enter_tenant(%s)", [key])
        running = threads.submit(session.execute, LONG_INSERT.format(steps=STEPS.format(rows)).encode())
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'audit_app'"
        eventually(lambda: attack.value(attack.administrator, asleep) == 1)
        attack.administrator.execute("SELECT audit.revoke_api_key(%s)", [key.split("_")[1]])
        # Given up: the policies ask once a statement. It writes nothing but what the key could write when it began.
        assert running.result().rowcount == rows
        assert_nothing(session)
        assert_refused(session, APPEND.format("'acme'"), "RF001")
        assert_refused(session, f"SELECT audit.enter_tenant('{key}')", "RF005")
    with attack.request() as connection:
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + rows


def test_a_statement_that_goes_on_ends_by_the_time_limit_of_the_role(attack: Attack) -> None:
    # It ends a statement whose key was revoked meanwhile. A session can lift it; an administrator can end the session.
    assert attack.value(attack.session(), "SHOW statement_timeout") == "15s"
    session = attack.session()
    with pytest.raises(psycopg.errors.QueryCanceled), attack.request(session) as connection:
        connection.execute("SET LOCAL statement_timeout = '300ms'")
        connection.execute(LONG_INSERT.format(steps=STEPS.format(200)).encode())
    process = session.info.backend_pid
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run_for_ever, attack, session)
        asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = %s"
        eventually(lambda: attack.value(attack.administrator, asleep, process) == 1)
        attack.administrator.execute("SELECT pg_terminate_backend(%s)", [process])
        with pytest.raises(psycopg.errors.AdminShutdown):
            running.result()
    with attack.request() as connection:
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"]


def run_for_ever(attack: Attack, session: Connection[object]) -> None:
    """Insert for as long as it is left to, with the time limit lifted."""
    session.execute("BEGIN")
    attack.enter(session)
    session.execute("SET LOCAL statement_timeout = 0")
    session.execute(LONG_INSERT.format(steps=STEPS.format(100_000)).encode())


def test_a_cursor_reads_no_longer_than_its_key(attack: Attack) -> None:
    # It goes on to its end, but each of its rows is a call that asks: the table itself is not granted.
    key = attack.issue_key("acme")
    session = attack.session()
    with session.transaction():
        session.execute("SELECT audit.enter_tenant(%s)", [key])
        session.execute("DECLARE opened CURSOR FOR SELECT audit.list_audit_logs() FROM generate_series(1, 100000)")
        assert "acme-confidential" in attack.value(session, "FETCH opened")
        attack.administrator.execute("SELECT audit.revoke_api_key(%s)", [key.split("_")[1]])
        revoked = time.monotonic()
        with pytest.raises(psycopg.Error) as refused, session.transaction():
            while time.monotonic() - revoked < LIMIT_SECONDS + SLACK_SECONDS:
                session.execute("FETCH opened")
        assert refused.value.sqlstate == "RF001"


def test_a_key_whose_use_is_being_noted_can_be_revoked_at_once(attack: Attack) -> None:
    key = attack.issue_key("acme")
    session = attack.session()
    with session.transaction():
        session.execute("SELECT audit.enter_tenant(%s)", [key])
        session.execute("SELECT audit.record_api_key_use('read')")
        with attack.administrator.transaction():
            attack.administrator.execute("SET LOCAL lock_timeout = '2s'")
            attack.administrator.execute("SELECT audit.revoke_api_key(%s)", [key.split("_")[1]])
        assert_refused(session, f"SELECT audit.enter_tenant('{key}')", "RF005")
    assert_refused(attack.session(), f"SELECT audit.enter_tenant('{key}')", "RF005")


def test_a_use_that_is_never_committed_keeps_nobody_from_entering_and_reading(attack: Attack) -> None:
    key = attack.issue_key("acme")
    first, second = attack.session(), attack.session()
    second.execute("SET lock_timeout = '1s'")
    with first.transaction():
        first.execute("SELECT audit.enter_tenant(%s)", [key])
        first.execute("SELECT audit.record_api_key_use('read')")
        with second.transaction():
            second.execute("SELECT audit.enter_tenant(%s)", [key])
            assert_own_alone(second)
            # Its own key's use cannot be noted meanwhile, and another's can.
            assert_refused(second, "SELECT audit.record_api_key_use('read')", "55P03")
            attack.enter(second)
            second.execute("SELECT audit.record_api_key_use('read')")
            attack.enter(second, "globex")
            second.execute("SELECT audit.record_api_key_use('write')")
            raise psycopg.Rollback


def test_an_expired_key_is_not_entered_again_in_its_open_transaction(attack: Attack) -> None:
    key = attack.issue_key("acme", expires_in="300 milliseconds")
    session = attack.session()
    with session.transaction():
        session.execute("SELECT audit.enter_tenant(%s)", [key])
        assert_own_alone(session)
        session.execute("SELECT pg_sleep(0.4)")
        assert_refused(session, f"SELECT audit.enter_tenant('{key}')", "RF005")
        # The proof from before runs out by itself, like that of a revoked key.
        assert_own_alone(session)


def test_a_proof_lasts_five_seconds_and_can_be_renewed(attack: Attack) -> None:
    with attack.request() as connection:
        entered = time.monotonic()
        lasted = seconds_until_refused(connection, "SELECT audit.list_admin_events()", entered)
        assert abs(lasted - LIMIT_SECONDS) < SLACK_SECONDS
        attack.enter(connection)
        assert_own_alone(connection)


def test_the_secret_is_replaced_while_transactions_run(attack: Attack) -> None:
    stop = threading.Event()
    failures: list[str] = []
    written = [0] * 4

    def write(writer: int, session: Connection[object]) -> None:
        while not stop.is_set():
            try:
                with attack.request(session) as connection:
                    connection.execute("SELECT audit.insert_audit_log('rotating', 'LIVE', 'success')")
                    connection.execute("SELECT audit.list_audit_logs(p_limit => 1)")
                written[writer] += 1
            except Exception as error:
                failures.append(str(error))
                return

    writers = [threading.Thread(target=write, args=(n, attack.session())) for n in range(len(written))]
    with attack.request() as long_running:
        for writer in writers:
            writer.start()
        try:
            for _ in range(2):  # soon after each other
                before = sum(written)
                attack.administrator.execute("SELECT audit.rotate_proof_secret()")
                assert_own_alone(long_running)
                eventually(lambda before=before: failures or sum(written) >= before + 20)  # type: ignore[misc]
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        assert failures == []
    with attack.request() as connection:
        assert attack.value(connection, COUNT_ALL) == RECORDS["acme"] + sum(written)


def test_a_secret_that_was_replaced_proves_nothing_half_a_minute_later(attack: Attack) -> None:
    def let_pass(seconds: int) -> None:
        """Make it so long ago that secrets were replaced."""
        attack.administrator.execute(
            "UPDATE audit.proof_secrets SET replaced_at = clock_timestamp() - make_interval(secs => %s)"
            " WHERE replaced_at IS NOT NULL",
            [seconds],
        )

    with attack.request() as connection:
        attack.administrator.execute("SELECT audit.rotate_proof_secret()")
        let_pass(29)
        assert_own_alone(connection)
        let_pass(30)
        assert_nothing(connection)
        assert_refused(connection, APPEND.format("'acme'"))
        attack.enter(connection)
        assert_own_alone(connection)
        attack.administrator.execute("SELECT audit.rotate_proof_secret()")
        assert_own_alone(connection)
    # The next rotation has thrown the first away.
    assert attack.value(attack.administrator, "SELECT array_agg(id ORDER BY id) FROM audit.proof_secrets") == [2, 3]

"""Reading with a key, however often, takes no transaction number and leaves no row for VACUUM, wherever it is done."""

import json
from collections.abc import Iterator

import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import LIST, Attack, assert_own_alone, assert_refused, attacking

NUMBER = "SELECT pg_current_xact_id_if_assigned()::text"
WRITTEN = """
    SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
               + pg_stat_get_xact_tuples_deleted(oid))::int
    FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind = 'r'"""


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


@pytest.mark.parametrize("mode", ["READ WRITE", "READ ONLY"])
def test_reading_takes_no_transaction_number_and_writes_no_row(attack: Attack, mode: str) -> None:
    session = attack.session()
    with attack.request() as connection:
        state = attack.value(connection, "SELECT audit.begin_export(%s)", attack.keys["acme"])
    with session.transaction():
        session.execute(f"SET TRANSACTION {mode}".encode())
        for _ in range(20):
            attack.enter(session)
            assert_own_alone(session)
            item = json.loads(attack.value(session, LIST))["items"][0]
            assert attack.value(session, "SELECT audit.get_audit_log(%s)", item["id"]) is not None
            session.execute("SELECT audit.continue_export(%s)", [state])
            assert len(session.execute("SELECT audit.export_audit_logs()").fetchall()) == 1
        assert attack.value(session, NUMBER) is None
        assert attack.value(session, WRITTEN) == 0
        if mode == "READ ONLY":
            assert_refused(session, "SELECT audit.insert_audit_log('agent', 'LIVE', 'success')", "25006")
            assert_refused(session, "SELECT audit.record_api_key_use('read')", "25006")
        else:
            session.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
            assert attack.value(session, NUMBER) is not None
            assert attack.value(session, WRITTEN) == 1


def test_a_refused_key_takes_no_transaction_number_either(attack: Attack) -> None:
    session = attack.session()
    with session.transaction():
        for key in ("", f"rf_{'0' * 16}_{'0' * 64}", attack.keys["acme"][:-1] + "x"):
            assert_refused(session, f"SELECT audit.enter_tenant('{key}')", "RF005")
        attack.enter(session)
        session.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_refused(session, LIST, "RF001")
        assert attack.value(session, NUMBER) is None

"""What code in the service can do to the sealing of everybody's records, and what an operator does against it.

docs/threat-model.md and docs/runbooks.md say the same.
"""

from collections.abc import Iterator

import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import Attack, assert_refused, attacking
from tests.support.polling import eventually

SEAL = "SELECT audit.seal_records()"


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def test_where_a_job_of_its_own_seals_the_service_need_not_be_able_to(attack: Attack) -> None:
    session = attack.session()
    assert attack.value(session, SEAL) is None
    attack.administrator.execute("REVOKE EXECUTE ON FUNCTION audit.seal_records FROM audit_trusted, audit_keyed")
    assert_refused(session, SEAL)
    # The report finds privileges that are too many, and says nothing of one that is missing.
    assert session.execute("SELECT rule, findings FROM audit.isolation_report() WHERE NOT intact").fetchall() == []
    attack.administrator.execute("GRANT EXECUTE ON FUNCTION audit.seal_records TO audit_trusted, audit_keyed")
    assert attack.value(session, SEAL) is None


def test_a_transaction_without_a_key_holds_up_all_sealing_until_its_session_is_ended(attack: Attack) -> None:
    sealable = "SELECT (audit.sealing_horizon()).sealable"
    session = attack.session()
    session.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
    number = int(attack.value(session, "SELECT pg_current_xact_id()::text"))
    with attack.request() as other:
        other.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
    assert attack.value(attack.administrator, sealable) <= number
    # Whoever seals is told which session it is, as soon as what is older than its transaction is sealed.
    pid = session.info.backend_pid

    def is_named() -> bool:
        attack.administrator.execute(SEAL)
        found = attack.value(attack.administrator, "SELECT held_back_by FROM audit.sealing_lag()")
        return pid in [each["pid"] for each in found]

    eventually(is_named)
    assert attack.value(attack.administrator, "SELECT pg_terminate_backend(%s, 10000)", pid)
    eventually(lambda: attack.value(attack.administrator, sealable) > number)
    session.close()  # it is gone, and must not be asked to commit

"""Who can prune, hold, release and erase, and what of that right is left for the next statement of the caller."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import CreateRole, TestDatabase
from tests.support.attacker import PROOF, Attack, assert_may_do_none, assert_refused, attacking
from tests.support.old_records import set_terms, sqlstate, value, write
from tests.support.sealing import seal

Login = Callable[[str], Connection[Any]]
"""Opens a session of a new login that is a member of this group."""
UNKNOWN = "'00000000-0000-7000-8000-000000000000'"
ADMINISTER = [
    "SELECT audit.set_retention('globex', 1, 1)",
    "SELECT audit.place_hold('globex', 'reason', 'reference')",
    "SELECT * FROM audit.list_holds()",
    f"SELECT audit.release_hold({UNKNOWN}, 'reason')",
    f"SELECT audit.confirm_release({UNKNOWN})",
    "SELECT * FROM audit.offboarding('globex')",
]
PRUNE = [
    "SELECT * FROM audit.prune_records()",
    "SELECT * FROM audit.count_due_records()",
]
ERASE = [
    "SELECT * FROM audit.erase_user('globex', 'globex-confidential', 'request')",
    f"SELECT audit.erase_record('globex', {UNKNOWN}, 'request')",
    "SELECT audit.refresh_statistics()",
]
NOBODY = [
    "SELECT audit.set_retention_rules(1, false)",
    "SELECT audit.enter_tenant_to_keep('globex')",
    "SELECT audit.leave_tenant()",
    "SELECT audit.lock_tree_to_keep('globex', false)",
    "SELECT * FROM audit.prune_tenant('globex', now())",
    f"SELECT audit.held_records('globex', ARRAY[{UNKNOWN}]::uuid[])",
    f"SELECT * FROM audit.erase_records('globex', ARRAY[{UNKNOWN}]::uuid[])",
    "SELECT audit.fold_tiles('globex', ARRAY[1], ARRAY[0])",
    "SELECT audit.append_gone_statements('prune', 'globex', ARRAY[1], ARRAY[0], now())",
    f"SELECT audit.record_pruned_ids(ARRAY[{UNKNOWN}]::uuid[])",
    "SELECT audit.record_keeping_event('records pruned', 'globex', NULL)",
    "SELECT audit.note_looked_at(ARRAY['globex'])",
    "SET ROLE audit_keeper",
    "SET ROLE audit_owner",
    "SET session_replication_role = replica",
    "SELECT * FROM audit.retention",
    "SELECT * FROM audit.retention_rules",
    "SELECT * FROM audit.legal_holds",
    "SELECT * FROM audit.pruned_ids",
    "UPDATE audit.retention SET live_days = 1",
    "UPDATE audit.retention_rules SET live_floor_days = 1",
    "UPDATE audit.legal_holds SET released_at = now()",
    "DELETE FROM audit.audit_logs",
    "DELETE FROM audit.seals",
    "DELETE FROM audit.pruned_ids",
    f"INSERT INTO audit.pruned_ids VALUES ({UNKNOWN})",
    "UPDATE audit.audit_logs SET user_id = NULL",
    "UPDATE audit.seals SET salt = NULL",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


@pytest.fixture
def login(attack: Attack, create_role: CreateRole) -> Login:
    return lambda group: attack.session(create_role(member_of=(group,)))


def test_code_in_the_service_can_do_none_of_it(attack: Attack) -> None:
    assert_may_do_none(attack, [*ADMINISTER, *PRUNE, *ERASE, *NOBODY])


def test_nor_can_code_in_a_service_that_names_its_tenants(attack: Attack) -> None:
    session = attack.session("audit_gateway")
    for statement in [*ADMINISTER, *PRUNE, *ERASE, *NOBODY]:
        with session.transaction():
            session.execute("SELECT audit.set_tenant('globex')")
            assert_refused(session, statement)
            assert session.execute("SELECT FROM audit.audit_logs").rowcount == 3


@pytest.mark.parametrize("group", ["audit_sealer", "audit_signer"])
def test_nor_can_those_who_seal_and_sign(login: Login, group: str) -> None:
    session = login(group)
    for statement in [*ADMINISTER, *PRUNE, *ERASE, *NOBODY]:
        assert_refused(session, statement)


def test_who_holds_does_not_delete_and_who_deletes_does_not_release(login: Login) -> None:
    admin, retention, eraser = login("audit_admin"), login("audit_retention"), login("audit_eraser")
    for statement in [*PRUNE, *ERASE, *NOBODY]:
        assert_refused(admin, statement)
    for statement in [*ADMINISTER, *ERASE, *NOBODY]:
        assert_refused(retention, statement)
    for statement in [*ADMINISTER, *PRUNE, *NOBODY]:
        assert_refused(eraser, statement)
    # Each may do the other's, but not when nothing of globex must change.
    assert sqlstate(admin, "SELECT audit.set_retention('acme', 200, 1)") is None
    assert sqlstate(admin, "SELECT audit.set_retention('acme', 182, 1)") == "RF003"
    assert retention.execute("SELECT * FROM audit.prune_records()").fetchall() == [(0, True)]
    assert value(eraser, "SELECT erased FROM audit.erase_user('acme', 'nobody', 'request')") == 0


@pytest.mark.parametrize("scope", ["keep", "seal", "sign", "replay"])
def test_no_key_is_issued_with_a_scope_of_functions(login: Login, scope: str) -> None:
    admin = login("audit_admin")
    assert sqlstate(admin, "SELECT audit.issue_api_key('acme', 'label', %s)", [scope]) == "23514"
    assert sqlstate(admin, "SELECT audit.issue_api_key('acme', 'label', %s)", ["read"]) is None


@pytest.mark.parametrize(
    ("group", "statement"),
    [
        ("audit_retention", "SELECT audit.prune_records()"),
        ("audit_retention", "SELECT audit.count_due_records()"),
        ("audit_eraser", "SELECT audit.erase_user('acme', 'nobody', 'request')"),
        ("audit_admin", "SELECT audit.place_hold('acme', 'reason', 'reference')"),
        ("audit_admin", "SELECT audit.offboarding('acme')"),
    ],
)
def test_no_proof_is_left_for_what_comes_after_it(
    database: TestDatabase, login: Login, group: str, statement: str
) -> None:
    set_terms(database, 200)
    write(database, "201 days", count=2)
    seal(database)
    session = login(group)
    with session.transaction():
        session.execute(statement.encode())
        assert session.execute(PROOF).fetchall() == [("", "", "")]
        for table in ("audit_logs", "seals", "legal_holds"):
            assert_refused(session, f"SELECT * FROM audit.{table}")


@pytest.mark.parametrize(
    ("group", "statement"),
    [
        ("audit_eraser", f"audit.erase_record('acme', {UNKNOWN}, 'request')"),
        ("audit_eraser", "audit.erase_user('acme', 'changed', 'request')"),
        ("audit_admin", "audit.place_hold('acme', repeat('x', 501), 'reference')"),
    ],
)
def test_nor_by_one_that_fails_in_a_block_that_goes_on(
    database: TestDatabase, login: Login, group: str, statement: str
) -> None:
    write(database, "1 day", user_id="changed")
    seal(database)
    database.execute("UPDATE audit.audit_logs SET error = 'changed afterwards' WHERE user_id = 'changed'")
    session = login(group)
    call = f"BEGIN PERFORM {statement}; RAISE 'it must fail' USING ERRCODE = 'XX000';"
    caught = "EXCEPTION WHEN SQLSTATE 'RF003' OR SQLSTATE 'RF009' OR check_violation THEN NULL; END"
    with session.transaction():
        session.execute(f"DO $$ {call} {caught} $$".encode())
        assert value(session, "SELECT coalesce(current_setting('app.proof', true), '')") == ""
        assert value(session, "SELECT coalesce(current_setting('app.tenant_id', true), '')") == ""


def test_errors_name_no_person(database: TestDatabase, login: Login) -> None:
    person = "alice@example.org"
    write(database, "1 day", user_id=person)
    seal(database)
    database.execute("UPDATE audit.audit_logs SET error = 'changed afterwards' WHERE user_id = %s", person)
    for group, statement in (
        ("audit_eraser", "SELECT audit.erase_user('acme', %s, 'request')"),
        ("audit_admin", "SELECT audit.place_hold('acme', repeat('x', 501), 'reference', p_user_id => %s)"),
        ("audit_admin", "SELECT audit.place_hold('nobody', 'reason', 'reference', p_user_id => %s)"),
    ):
        with pytest.raises(psycopg.Error) as caught:
            login(group).execute(statement.encode(), [person])
        said = caught.value.diag
        texts = (said.message_primary, said.message_detail, said.message_hint, said.context)
        assert not any(person in (text or "") for text in texts)

"""The attacks on one server of tests/attacks, made on a cluster from its coordinator, on the same tenants."""

from collections.abc import Iterator

import pytest

from tests.attacks import (
    test_attacks_on_privileges,
    test_attacks_on_proofs,
    test_attacks_on_records,
    test_attacks_on_replays,
    test_attacks_on_secrets,
    test_attacks_on_sessions,
    test_attacks_on_the_server,
    test_attacks_through_messages,
    test_attacks_with_old_proofs,
)
from tests.citus.conftest import Distributed
from tests.citus.mirrored import empty, mirrored
from tests.support.attacker import Attack, attacking
from tests.support.database import TestDatabase

_GRANTS = "changes grants, policies or roles of a database of its own, which the next test would find"
LEFT_OUT = {
    "test_a_stray_policy_and_every_grant_let_no_record_be_changed_or_deleted": _GRANTS,
    "test_a_secret_in_a_variable_would_be_heard_but_for_the_pinned_settings": _GRANTS,
    "test_with_the_pinned_settings_not_even_a_secret_in_a_variable_is_heard": _GRANTS,
    "test_no_statement_reads_a_table_itself": "one of its statements ends the server: see docs/citus.md",
    "test_no_plan_or_debug_message_shows_a_secret": "it wants a generic plan, which Citus does not make",
    "test_what_the_service_need_not_do_it_may_not": "one of its statements is refused with 0A000, before privileges",
}
_NO_INSERT = "audit_keyed has no INSERT on a cluster, and its attempts with its own tenant are refused as well"
_MERGE = "Citus refuses an INSERT or MERGE that calls functions, before privileges are looked at"
FAILING = {
    "test_what_the_service_stores_with_itself_opens_no_tenant": "its ALTER ROLE goes on to workers, which refuse it",
    "test_naming_another_tenant_opens_nothing": "the INSERT of the function runs as the owner: refused with RF001",
    "test_a_record_of_another_tenant_cannot_be_written_within_one_statement": _NO_INSERT,
    "test_an_altered_proof_is_none": "a proof with the number of another secret is an error, 55000",
    "test_a_scope_cannot_be_added": _NO_INSERT,
    "test_no_row_is_read_by_writing": f"{_NO_INSERT}; {_MERGE}",
    "test_merge_writes_what_insert_may_write": _MERGE,
    "test_no_record_is_written_in_the_name_of_another_key": _NO_INSERT,
    "test_whole_schemas_in_xml_are_empty": "views of Citus among them are refused",
    "test_a_refused_value_is_not_repeated_with_its_row": _NO_INSERT,
    "test_what_can_be_read_holds_no_secret": "statistics are kept of shards, on the workers",
    "test_what_stands_outside_a_transaction_is_refused_too": "goes on to workers: an error, not a warning",
    "test_a_proof_goes_with_its_savepoint_and_a_copy_lasts_as_long_as_the_transaction": "set_config() is not handed on",
    "test_a_copy_of_a_proof_reaches_the_next_transaction_of_the_same_message": "that has another number: refused",
    "test_a_write_that_repeats_a_hidden_record_learns_that_the_id_is_taken_and_no_more": "an id is taken in one tenant",
}


@pytest.fixture(autouse=True)
def _nothing_of_the_test_before(distributed: Distributed) -> None:
    empty(distributed)


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


globals().update(
    mirrored(
        test_attacks_on_privileges,
        test_attacks_on_proofs,
        test_attacks_on_records,
        test_attacks_on_replays,
        test_attacks_on_secrets,
        test_attacks_on_sessions,
        test_attacks_on_the_server,
        test_attacks_through_messages,
        test_attacks_with_old_proofs,
        but_for=LEFT_OUT,
        failing=FAILING,
    )
)

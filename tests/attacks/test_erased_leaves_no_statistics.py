"""What the planner's statistics know of a person after an erasure, and of the salts of the digests that are left."""

import pytest

from tests.conftest import TestDatabase
from tests.support.old_records import write
from tests.support.sealing import seal
from tests.support.view_links import restricted_key

PERSON = "alice@example.org"
STATISTICS = """
    SELECT concat(s.most_common_vals::text, s.histogram_bounds::text) FROM pg_stats AS s WHERE s.schemaname = 'audit'
    UNION ALL
    SELECT to_jsonb(e)::text FROM pg_stats_ext AS e WHERE e.schemaname = 'audit'"""
OF_EXPRESSIONS = "SELECT statistics_name, most_common_vals::text FROM pg_stats_ext_exprs WHERE schemaname = 'audit'"


def statistics(database: TestDatabase) -> str:
    return " ".join(text for (text,) in database.execute(STATISTICS))


@pytest.fixture
def known(database: TestDatabase) -> TestDatabase:
    """A database whose statistics know the person: from records, holds, keys and links, also those of a DBA."""
    write(database, "1 day", count=50, user_id=PERSON, error=PERSON)
    write(database, "1 day", count=50, user_id="bob", error="error")
    for case in ("1", "2"):
        ((hold,),) = database.execute(
            "SELECT audit.place_hold('acme', %s, %s, p_user_id => %s)", f"the case of {PERSON}", case, PERSON
        )
        database.execute("SELECT audit.release_hold(%s, 'over')", hold)
    seal(database)
    database.execute("CREATE STATISTICS audit.of_a_dba (mcv) ON agent_id, user_id FROM audit.audit_logs")
    database.execute("CREATE STATISTICS audit.of_salts (mcv) ON tenant_id, salt FROM audit.seals")
    for _ in range(2):
        restricted_key(database, "acme", user_id=PERSON)
    database.execute("CREATE STATISTICS audit.of_keys ON (restriction ->> 'user_id') FROM audit.api_keys")
    database.execute("CREATE STATISTICS audit.of_links ON (restriction ->> 'user_id') FROM audit.view_links")
    database.execute("ANALYZE audit.audit_logs, audit.seals, audit.legal_holds, audit.api_keys, audit.view_links")
    return database


def naming(database: TestDatabase) -> set[str]:
    """Return the statistics of keys and of view links that name the person."""
    return {name for name, values in database.execute(OF_EXPRESSIONS) if PERSON in (values or "")}


def salts(database: TestDatabase) -> set[str]:
    """Return the salts of the person's records, as statistics show them."""
    rows = database.execute(
        "SELECT encode(s.salt, 'hex') FROM audit.seals AS s JOIN audit.audit_logs AS l ON l.id = s.record_id"
        " WHERE l.user_id = %s",
        PERSON,
    )
    return {salt for (salt,) in rows}


def test_statistics_forget_a_person_who_is_erased_and_the_salts(known: TestDatabase) -> None:
    made_with = salts(known)
    before = statistics(known)
    assert PERSON in before
    assert naming(known) == {"of_keys", "of_links"}
    assert any(salt in before for salt in made_with)
    known.execute("SELECT audit.erase_user('acme', %s, 'request')", PERSON)
    known.execute("SELECT audit.refresh_statistics()")
    after = statistics(known)
    assert PERSON not in after
    assert naming(known) == set()
    assert not any(salt in after for salt in made_with)
    assert "bob" in after

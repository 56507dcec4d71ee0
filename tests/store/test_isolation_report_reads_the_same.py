"""audit.isolation_report() compares names and expressions as they are printed, whatever a session has set."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import TestDatabase

# Findings against rules that compare printed text: they must read the same, and no other may be added.
WEAKENED = """
    GRANT SELECT ON audit.audit_logs TO PUBLIC;
    ALTER TABLE audit.tenants NO FORCE ROW LEVEL SECURITY;
    ALTER FUNCTION audit.set_tenant RESET search_path;
    CREATE POLICY stray ON audit.admin_events FOR SELECT TO audit_keyed USING (tenant_id > '')"""
STRINGS = [
    ("DateStyle", "German, DMY"),
    ("TimeZone", "Asia/Kathmandu"),
    ("search_path", "public, pg_catalog"),
    ("client_encoding", "LATIN1"),
    ("lc_monetary", "C"),
    ("lc_numeric", "C"),
    ("lc_time", "C"),
    ("default_text_search_config", "pg_catalog.german"),
    ("timezone_abbreviations", "India"),
]


def report(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT * FROM audit.isolation_report()").fetchall()


def settings_of_a_session(database: TestDatabase) -> list[tuple[str, str]]:
    """Return every setting that a session may change, with the values that lie furthest from its default."""
    tried = list(STRINGS)
    for name, kind, values, lowest, highest in database.execute(
        "SELECT name, vartype, enumvals, min_val, max_val FROM pg_settings WHERE context = 'user'"
        " AND vartype <> 'string' AND name NOT LIKE '%_timeout' AND name NOT LIKE 'transaction_%'"
        " AND name <> 'exit_on_error'"
    ):
        tried += [(name, value) for value in {"bool": ["on", "off"], "enum": values}.get(kind, [lowest, highest])]
    return tried


def test_no_setting_of_a_session_changes_what_is_found_or_how_it_reads(database: TestDatabase) -> None:
    database.execute(WEAKENED)
    tried = settings_of_a_session(database)
    assert ("quote_all_identifiers", "on") in tried
    with psycopg.connect(database.url("audit_app"), autocommit=True) as session:
        expected = report(session)
        found = [findings for _, intact, findings in expected if not intact]
        assert "PUBLIC has SELECT on audit.audit_logs" in found
        assert "audit.tenants does not force it on its owner" in found
        for name, value in tried:
            session.execute("SELECT set_config(%s, %s, false)", [name, value])
            assert report(session) == expected, (name, value)
            session.execute("RESET ALL")


@pytest.mark.parametrize(
    ("setting", "is_finding"),
    [
        ("quote_all_identifiers = on", True),
        ("standard_conforming_strings = off", True),
        ("extra_float_digits = 0", True),
        ("DateStyle = 'German, DMY'", False),
        ("TimeZone = 'Asia/Kathmandu'", False),
        ("IntervalStyle = sql_standard", False),
    ],
)
def test_a_setting_of_the_whole_database_is_at_most_a_finding_itself(
    database: TestDatabase, setting: str, is_finding: bool
) -> None:
    database.execute(f"ALTER DATABASE {database.administrator.info.dbname} SET {setting}")
    with psycopg.connect(database.url("audit_app")) as session:
        found = [findings for _, intact, findings in report(session) if not intact]
    name, _, value = setting.partition(" = ")
    stored = f"{name}={value.strip(chr(39))}, for every role in {database.administrator.info.dbname}"
    assert found == ([stored] if is_finding else [])

"""What docs/records.md says of a record is what the database has: columns, types, who sets them, sizes and names."""

import re

from app.model.context import CONTEXT_NAMES, MAX_CONTEXT_BYTES, MAX_CONTEXT_BYTES_OF_EXECUTE
from tests.conftest import TestDatabase
from tests.support import pages, walkthrough

PAGE = pages.read("docs/records.md")


def rows(heading: str) -> list[list[str]]:
    section = walkthrough.section(PAGE, heading)
    found = re.findall(r"^\| (`[a-z_0-9.]+` \|.*) \|$", section, re.MULTILINE)
    return [[cell.strip("` ") for cell in row.split(" | ")] for row in found]


def test_it_has_every_column_with_its_type_in_the_order_of_the_table(database: TestDatabase) -> None:
    columns = database.execute(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'audit' AND table_name = 'audit_logs' ORDER BY ordinal_position"
    )
    assert [tuple(row[:2]) for row in rows("Fields")] == columns


def test_what_it_says_the_database_sets_no_role_of_the_service_may_set(database: TestDatabase) -> None:
    may_set = database.execute(
        "SELECT attname, has_column_privilege('audit_trusted', attrelid, attnum, 'INSERT'),"
        " has_column_privilege('audit_keyed', attrelid, attnum, 'INSERT')"
        " FROM pg_attribute WHERE attrelid = 'audit.audit_logs'::regclass AND attnum > 0 ORDER BY attnum"
    )
    said = [(name, setter != "database", setter != "database") for name, _, setter, *_ in rows("Fields")]
    assert said == may_set


def test_the_sizes_are_those_of_the_rules(database: TestDatabase) -> None:
    rules = {field: words for _, field, words in database.execute("SELECT * FROM audit.record_rules()")}
    for name, _, _, most, _ in rows("Fields"):
        if most.endswith(("characters", "bytes")) and name in rules:
            assert most.split()[0] in rules[name], name


def test_it_has_every_name_of_a_context_and_no_other() -> None:
    assert [row[0] for row in rows("Context")] == list(CONTEXT_NAMES)


def test_the_limits_of_a_context_are_those_of_the_service() -> None:
    assert f"at most {MAX_CONTEXT_BYTES_OF_EXECUTE:,} bytes" in PAGE
    assert f"limit of {MAX_CONTEXT_BYTES:,} bytes" in PAGE

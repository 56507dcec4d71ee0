"""db/schema.sql, the page that shows today's tables, says what the files of db/schema make."""

import os
from collections.abc import Callable
from pathlib import Path

from app import migrate
from tests.support.schema_dump import PAGE, dump


def test_the_page_says_what_the_files_make(create_database: Callable[[], str]) -> None:
    url = create_database()
    migrate.apply(url)
    found = dump(Path(os.environ["POSTGRESQL_BINARIES"]), url)
    assert found == PAGE.read_text(), "run: python -m tests.support.schema_dump"
    assert "CREATE TABLE audit.audit_logs" in found
    assert "CREATE POLICY" not in found

"""An evidence bundle, a part of it taken before a prune: it ends or breaks off, and tells nothing wrong."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.verify import ringfence_verify
from tests.conftest import TestDatabase
from tests.support.old_records import PRUNE, set_terms, value, write
from tests.support.polling import eventually
from tests.support.sealing import sealed_and_signed, vkey

SIZE = 2_600  # three pages of leaves, of which the last ends in the middle of a tile


class Export:
    """An export of acme's evidence, taken page by page."""

    def __init__(self, database: TestDatabase) -> None:
        self._database = database
        self.text = b""
        self.state: str | None = None

    def begin(self, *window: str) -> None:
        with self._tenant() as connection:
            self.state = value(
                connection,
                "SELECT audit.begin_export(p_format => 'evidence', p_start_time => %s, p_end_time => %s)",
                *(window or (None, None)),
            )

    def take(self, pages: int = 10**9) -> None:
        """Take so many pages, a transaction for each."""
        while pages and self.state is not None:
            with self._tenant() as connection:
                connection.execute("SELECT audit.continue_export(%s)", [self.state])
                ((lines, self.state), *_) = connection.execute("SELECT * FROM audit.export_audit_logs()").fetchall()
            self.text += lines
            pages -= 1

    def verdict(self, folder: Path, *options: str) -> int:
        file = folder / "bundle.ndjson"
        file.write_bytes(self.text)
        return ringfence_verify.main([str(file), "--key", vkey("acme"), *options])

    def _tenant(self) -> Any:
        connection = psycopg.connect(self._database.url())
        connection.execute("SELECT audit.set_tenant('acme')")
        return connection


@pytest.fixture
def export(database: TestDatabase) -> Export:
    write(database, "201 days", count=SIZE)
    sealed_and_signed(database)
    set_terms(database, 200)
    return Export(database)


def prune(database: TestDatabase) -> None:
    """Prune all of it, and sign that."""
    assert value(database.administrator, PRUNE) == SIZE
    sealed_and_signed(database)


def test_an_export_that_is_not_disturbed_shows_what_has_gone_where_that_is_allowed(
    database: TestDatabase, export: Export, tmp_path: Path
) -> None:
    prune(database)
    export.begin()
    export.take()
    assert b'{"omitted":256,' in export.text
    assert (export.verdict(tmp_path), export.verdict(tmp_path, "--allow-gone")) == (1, 0)


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_an_export_that_is_under_way_ends_and_lacks_the_statement_of_what_has_gone(
    database: TestDatabase, export: Export, tmp_path: Path, pages: int
) -> None:
    export.begin()
    export.take(pages)
    prune(database)
    export.take()
    assert b'{"complete":true' in export.text
    assert export.verdict(tmp_path, "--allow-gone") == 1
    again = Export(database)
    again.begin()
    again.take()
    assert again.verdict(tmp_path, "--allow-gone") == 0


def test_an_export_of_a_window_that_is_pruned_meanwhile_breaks_off(database: TestDatabase, export: Export) -> None:
    ((start, end),) = database.execute(
        "SELECT l.created_at, l.created_at + interval '1 microsecond'"
        " FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.record_id = l.id"
        " WHERE s.leaf_index = 300"
    )
    export.begin(start.isoformat(), end.isoformat())
    export.take(3)
    prune(database)
    with pytest.raises(psycopg.Error) as caught:
        export.take()
    assert caught.value.sqlstate == "RF012"


def test_what_was_sealed_in_an_earlier_epoch_is_pruned_and_erased_by_statements_of_the_newest(
    database: TestDatabase, export: Export, tmp_path: Path
) -> None:
    young = write(database, "1 day", user_id="alice", count=2)
    sealed_and_signed(database)
    eventually(lambda: _begin_epoch(database))
    prune(database)
    assert database.execute("SELECT erased FROM audit.erase_user('acme', 'alice', 'request')") == [(len(young),)]
    sealed_and_signed(database)
    statements = database.execute(
        "SELECT epoch, line::json ->> 'kind' FROM audit.seals WHERE tenant_id = 'acme' AND line IS NOT NULL"
    )
    assert sorted(statements) == [(2, "epoch"), (2, "erase"), (2, "prune")]
    export.begin()
    export.take()
    assert (export.verdict(tmp_path), export.verdict(tmp_path, "--allow-gone")) == (1, 0)


def _begin_epoch(database: TestDatabase) -> bool:
    """Begin an epoch, unless another test writes to the server just now."""
    try:
        with database.administrator.transaction():
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            database.execute("SELECT audit.begin_epoch('restore', NULL)")
    except psycopg.errors.ObjectInUse:
        return False
    return True

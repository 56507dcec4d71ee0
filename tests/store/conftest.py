"""Fixtures of the tests of stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from app.services.audit_logger import AuditLogger
from app.services.db import Database
from app.services.jsonl.store import FileAuditLogger
from app.services.postgres.store import DatabaseAuditLogger
from tests.conftest import Serve, TestDatabase
from tests.support.bank import Bank
from tests.support.replica import Pair, streaming_pair


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """A primary and a standby that streams from it."""
    with streaming_pair() as pair:
        yield pair


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a spool is made."""
    return tmp_path / "spool"


@pytest.fixture
def bank(serve: Serve, database: TestDatabase, directory: Path) -> Bank:
    return Bank(serve, database, directory)


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def both(portal: BlockingPortal, database: TestDatabase, tmp_path: Path) -> Iterator[tuple[AuditLogger, AuditLogger]]:
    """The two stores, open."""
    in_database = DatabaseAuditLogger(Database(database.url(), pool_size=1, pool_timeout=5))
    in_file = FileAuditLogger(tmp_path / "audit.jsonl")
    for store in (in_database, in_file):
        portal.call(store.open)
    yield in_database, in_file
    for store in (in_database, in_file):
        portal.call(store.close)

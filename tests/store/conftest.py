"""Fixtures of the tests of stores."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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

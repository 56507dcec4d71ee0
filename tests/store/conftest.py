"""Fixtures of the tests of stores."""

from pathlib import Path

import pytest

from tests.conftest import Serve, TestDatabase
from tests.support.bank import Bank


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a spool is made."""
    return tmp_path / "spool"


@pytest.fixture
def bank(serve: Serve, database: TestDatabase, directory: Path) -> Bank:
    return Bank(serve, database, directory)

"""A database with sealed records, and a signer with a login and a directory of its own."""

from pathlib import Path

import pytest

from app.sign import files
from app.sign.memory import Memory
from tests.conftest import CreateRole, TestDatabase
from tests.support.signing import LOG, Sealed, SignerAt


@pytest.fixture
def sealed(database: TestDatabase) -> Sealed:
    """acme has seven leaves, globex three."""
    found = Sealed(database)
    found.append("acme", 7)
    found.append("globex", 3)
    return found


@pytest.fixture
def signer(database: TestDatabase, create_role: CreateRole, tmp_path: Path) -> SignerAt:
    """A signer with a new key and an empty memory."""
    directory = tmp_path / "signer"
    files.create(directory, LOG)
    Memory(files.memory_file(directory), create=True).close()
    return SignerAt(directory, database.url(create_role(member_of=("audit_signer",))))

"""Keys, roles and a shell for the commands of the pages."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.shell import Shell
from tests.support.signing import LOG, SignerAt


@pytest.fixture
def api_keys(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Issue a key for each tenant of the walk-throughs; return them as environment variables, which they also are."""
    keys = {f"{tenant.upper()}_API_KEY": database.issue_api_key(tenant) for tenant in ("acme", "globex")}
    for name, key in keys.items():
        monkeypatch.setenv(name, key)
    return keys


@pytest.fixture
def gateway(database: TestDatabase) -> Iterator[str]:
    """A login that names its tenant."""
    database.administrator.execute("CREATE ROLE gateway LOGIN IN ROLE audit_trusted")
    yield "gateway"
    database.administrator.execute("DROP ROLE gateway")


@pytest.fixture
def shell(tmp_path: Path, database: TestDatabase, create_role: CreateRole) -> Shell:
    """Runs a page's commands on the database of the test, as each role that they need."""
    assert shutil.which("curl"), "curl is needed"
    variables = {
        "DATABASE_URL": database.url("audit_app"),
        "MIGRATION_DATABASE_URL": database.url("postgres"),
        "ADMIN_DATABASE_URL": database.url(create_role(member_of=("audit_admin",))),
    }
    return Shell(tmp_path, variables)


@pytest.fixture
def signer(
    database: TestDatabase, create_role: CreateRole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SignerAt]:
    """A signer that runs meanwhile; ACME_VKEY is what acme verifies with."""
    signer = SignerAt(tmp_path / "signer", database.url(create_role(member_of=("audit_signer",))))
    assert signer.command("init", "--name", LOG).returncode == 0
    monkeypatch.setenv("ACME_VKEY", signer.command("vkey", "--tenant", "acme").stdout.strip())
    process = subprocess.Popen(
        [sys.executable, "-m", "app.sign", "run"], env=signer.environment(), cwd=tmp_path,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield signer
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def sealer(create_role: CreateRole) -> str:
    """A login that seals."""
    return create_role(member_of=("audit_sealer",))

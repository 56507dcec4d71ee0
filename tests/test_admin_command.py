"""python -m app.admin, run as a process by a login that is a member of audit_admin."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase


class Admin(Protocol):
    """Runs the command."""

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return how it ended."""


@pytest.fixture
def operator(create_role: CreateRole) -> str:
    return create_role(member_of=("audit_admin",))


@pytest.fixture
def admin(database: TestDatabase, operator: str) -> Admin:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.admin", *arguments],
            env=environment | {"ADMIN_DATABASE_URL": database.url(operator)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def answer(finished: subprocess.CompletedProcess[str]) -> Any:
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def opens(database: TestDatabase, api_key: str) -> str:
    """Return the tenant that `api_key` opens. Raises psycopg.Error when it opens none."""
    with psycopg.connect(database.url("audit_app")) as app:
        found = app.execute("SELECT audit.enter_tenant(p_api_key => %s)", [api_key]).fetchone()
    assert found is not None
    return str(found[0])


def test_a_tenant_is_registered_and_listed(admin: Admin) -> None:
    assert answer(admin("--json", "create-tenant", "initech", "--name", "Initech")) == [{"tenant": "initech"}]

    assert [row["id"] for row in answer(admin("--json", "list-tenants"))] == ["acme", "globex", "initech"]
    table = admin("list-tenants").stdout.splitlines()
    assert table[0].split() == ["id", "name", "created_at"]
    assert table[3].startswith("initech  Initech")


def test_a_key_is_issued_once_and_listed_without_its_secret(admin: Admin, database: TestDatabase) -> None:
    issued = admin("issue-key", "acme", "--label", "core", "--scopes", "read", "--expires-in", "90d")
    api_key = issued.stdout.strip()

    assert opens(database, api_key) == "acme"
    (listed,) = answer(admin("--json", "list-keys", "--tenant", "acme"))
    assert listed["id"] == api_key.split("_")[1]
    assert (listed["label"], listed["scopes"], listed["status"]) == ("core", ["read"], "valid")
    secret = api_key.split("_")[2]
    assert secret not in admin("list-keys").stdout + admin("--json", "list-keys").stdout
    dump = str(database.execute("SELECT * FROM audit.api_keys")) + str(database.execute("TABLE audit.admin_events"))
    assert secret not in dump


def test_a_rotated_key_opens_its_tenant_beside_the_new_one_until_the_overlap_ends(
    admin: Admin, database: TestDatabase
) -> None:
    old = admin("issue-key", "acme", "--label", "core").stdout.strip()
    new = admin("rotate-key", old.split("_")[1], "--overlap", "1h").stdout.strip()

    assert opens(database, old) == opens(database, new) == "acme"
    database.execute("UPDATE audit.api_keys SET expires_at = expires_at - interval '1 h' WHERE expires_at IS NOT NULL")
    with pytest.raises(psycopg.Error, match="not valid"):
        opens(database, old)
    assert opens(database, new) == "acme"


def test_a_revoked_key_opens_nothing(admin: Admin, database: TestDatabase) -> None:
    api_key = admin("issue-key", "acme", "--label", "core").stdout.strip()
    assert opens(database, api_key) == "acme"

    assert admin("revoke-key", api_key.split("_")[1]).stdout == "revoked\n"

    with pytest.raises(psycopg.Error, match="not valid"):
        opens(database, api_key)


def test_the_proof_secret_is_replaced(admin: Admin) -> None:
    assert answer(admin("--json", "rotate-secret")) == [{"secret": 2}]
    assert answer(admin("--json", "rotate-secret")) == [{"secret": 3}]


def test_every_act_is_recorded_with_the_login_that_did_it(admin: Admin, database: TestDatabase, operator: str) -> None:
    admin("create-tenant", "initech")
    api_key = admin("issue-key", "initech", "--label", "core").stdout.strip()
    admin("rotate-key", api_key.split("_")[1])
    admin("revoke-key", api_key.split("_")[1])
    admin("rotate-secret")

    recorded = database.execute("SELECT act, actor FROM audit.admin_events WHERE actor <> 'postgres' ORDER BY id")
    assert recorded == [
        ("tenant created", operator),
        ("api key issued", operator),
        ("api key rotated", operator),
        ("api key issued", operator),
        ("api key revoked", operator),
        ("proof secret rotated", operator),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create-tenant", "acme"], "duplicate key"),
        (["create-tenant", "Not A Tenant"], "tenants_id_form"),
        (["issue-key", "nobody", "--label", "core"], "not registered"),
        (["issue-key", "acme", "--label", "core", "--scopes", "read,everything"], "api_keys_scopes_known"),
        (["issue-key", "acme", "--label", "core", "--scopes", ""], "api_keys_scopes_known"),
        (["rotate-key", "0" * 16], "no key of this id"),
        (["revoke-key", "0" * 16], "no key of this id"),
    ],
)
def test_a_refusal_is_one_line_and_leaves_no_event(
    admin: Admin, database: TestDatabase, arguments: list[str], words: str
) -> None:
    before = database.execute("SELECT count(*) FROM audit.admin_events")

    refused = admin(*arguments)

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1
    assert words in refused.stderr
    assert database.execute("SELECT count(*) FROM audit.admin_events") == before


def test_a_database_that_cannot_be_reached_is_one_line() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent)}
    for url in ("", "postgresql://nobody@127.0.0.1:1/none"):
        refused = subprocess.run(
            [sys.executable, "-m", "app.admin", "list-tenants"],
            env=environment | {"ADMIN_DATABASE_URL": url}, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1


def test_the_service_itself_cannot_administer(database: TestDatabase, admin: Admin) -> None:
    with psycopg.connect(database.url("audit_app")) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT audit.create_tenant(p_id => 'initech')")
    assert admin("create-tenant", "initech").returncode == 0


def test_an_administrator_reads_no_record(database: TestDatabase, operator: str) -> None:
    for table in ("audit_logs", "admin_events", "api_keys", "proof_secrets", "tenants"):
        with psycopg.connect(database.url(operator)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"TABLE audit.{table}".encode())

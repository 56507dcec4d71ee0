"""python -m app.admin, run as a process by a login that is a member of audit_admin."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.admin_command import Admin, command_of


@pytest.fixture
def operator(create_role: CreateRole) -> str:
    """The login that administers."""
    return create_role(member_of=("audit_admin",))


@pytest.fixture
def admin(database: TestDatabase, operator: str) -> Admin:
    return command_of(database.url(operator))


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
        ("api key issued", operator),
        ("api key rotated", operator),
        ("api key revoked", operator),
        ("proof secret rotated", operator),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create-tenant", "acme"], "a tenant of this id is registered already"),
        (["create-tenant", "Not A Tenant"], "A tenant's id has 1 to 63 characters, of a to z"),
        (["create-tenant", ""], "A tenant's id has 1 to 63 characters, of a to z"),
        (["create-tenant", "initech", "--name", ""], "A tenant's name has 1 to 200 characters."),
        (["create-tenant", "initech", "--name", "x" * 201], "A tenant's name has 1 to 200 characters."),
        (["issue-key", "nobody", "--label", "core"], "the tenant is not registered"),
        (["issue-key", "acme", "--label", ""], "A key's label has 1 to 200 characters."),
        (["issue-key", "acme", "--label", "core", "--scopes", "read,everything"], "A key's scopes are one or more of"),
        (["issue-key", "acme", "--label", "core", "--scopes", ""], "A key's scopes are one or more of"),
        (["rotate-key", "0" * 16], "no key of this id is valid"),
        (["revoke-key", "0" * 16], "no key of this id is left to revoke"),
        (["list-events", "--tenant", "nobody"], "the tenant is not registered"),
        (["list-events", "--act", "key issued"], "act is none that is recorded"),
        (["list-events", "--limit", "0"], "limit is a number from 1 to 1000"),
        (["list-events", "--cursor", ""], "the cursor does not belong to this list"),
    ],
)
def test_a_refusal_is_one_line_and_leaves_no_event(
    admin: Admin, database: TestDatabase, arguments: list[str], words: str
) -> None:
    before = database.execute("SELECT count(*) FROM audit.admin_events")

    refused = admin(*arguments)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    assert words in refused.stderr
    assert not re.search(r"[a-z]+_[a-z_]+|constraint|relation", refused.stderr)  # nothing by its name in the catalogue
    assert database.execute("SELECT count(*) FROM audit.admin_events") == before


def test_a_database_that_cannot_be_reached_is_one_line() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
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


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["issue-key", "acme", "--label", "core", "--expires-in", "0d"], "--expires-in"),
        (["issue-key", "acme", "--label", "core", "--expires-in", "0h"], "--expires-in"),
        (["issue-key", "acme", "--label", "core", "--expires-in", "0m"], "--expires-in"),
        (["issue-key", "acme", "--label", "core", "--expires-in", "00000s"], "--expires-in"),
        (["issue-key", "acme", "--label", "core", "--expires-in", ""], "--expires-in"),
        (["rotate-key", "0" * 16, "--overlap", ""], "--overlap"),
        (["rotate-key", "0" * 16, "--overlap", "-1s"], "--overlap"),
        (["list-events", "--limit", ""], "--limit"),
        (["list-events", "--since", ""], "--since"),
        (["list-events", "--until", "2026-01-01T00:00:00"], "--until"),
    ],
)
def test_a_value_that_says_nothing_is_refused_in_one_line_that_names_its_option(
    admin: Admin, database: TestDatabase, arguments: list[str], option: str
) -> None:
    refused = admin(*arguments)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) == 1
    assert option in refused.stderr
    assert database.execute("SELECT count(*) FROM audit.api_keys") == [(0,)]


def test_a_key_expires_when_it_was_asked_to_and_never_where_nothing_was(admin: Admin, database: TestDatabase) -> None:
    admin("issue-key", "acme", "--label", "a second", "--expires-in", "1s")
    admin("issue-key", "acme", "--label", "for ever")

    assert database.execute(
        "SELECT label, expires_at <= created_at + interval '1 s' FROM audit.api_keys ORDER BY label"
    ) == [("a second", True), ("for ever", None)]


def test_an_overlap_of_zero_ends_the_old_key_at_once(admin: Admin, database: TestDatabase) -> None:
    old = admin("issue-key", "acme", "--label", "core").stdout.strip()
    new = admin("rotate-key", old.split("_")[1], "--overlap", "0s").stdout.strip()

    assert opens(database, new) == "acme"
    with pytest.raises(psycopg.Error, match="not valid"):
        opens(database, old)


def test_an_empty_tenant_is_not_every_tenant(admin: Admin) -> None:
    admin("issue-key", "acme", "--label", "core")

    assert answer(admin("--json", "list-keys", "--tenant", "")) == []
    assert len(answer(admin("--json", "list-keys"))) == 1
    assert admin("list-events", "--tenant", "").returncode == 1


def test_rotating_the_secret_says_what_it_did(admin: Admin) -> None:
    said = admin("rotate-secret")

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == "proof secret 2 is in use; the one before still checks for 30 seconds\n"

"""Who can migrate: a superuser, a role that may make roles, the migrating role.

On a server of the test's own, where the roles of the release do not exist yet.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import psycopg2
import pytest
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr

from app import migrate
from app.local.server import PrivateServer
from app.model.refusals import RefusedToServe
from app.release import fingerprints
from tests.conftest import Serve
from tests.support.calls import execute, records
from tests.support.polling import eventually
from tests.support.releases import catalogue, copy_of_release


@dataclass(frozen=True)
class Server:
    """A server with nothing on it but a database called bank."""

    private: PrivateServer
    log: Path

    def url(self, role: str = "postgres") -> str:
        """Return the URL of the database, for `role`."""
        return self.private.url(role, "bank")

    def execute(self, *statements: str, role: str = "postgres") -> list[tuple[Any, ...]]:
        """Run the statements; return the rows of the last."""
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            cursor = [connection.execute(statement.encode()) for statement in statements][-1]
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def private_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    """A server that nobody else uses."""
    binaries = os.environ.get("POSTGRESQL_BINARIES")
    assert binaries, "set POSTGRESQL_BINARIES to the folder of the server's programs"
    private = PrivateServer(Path(binaries), tmp_path_factory.mktemp("server") / "postgresql")
    try:
        private.start("fsync=off")
        yield private
    finally:
        private.remove()


@pytest.fixture
def server(private_server: PrivateServer) -> Iterator[Server]:
    """The server as if it were new."""
    with psycopg.connect(private_server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE bank")
    yield Server(private_server, private_server.socket_folder.parent / "log")
    with psycopg.connect(private_server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE bank WITH (FORCE)")
        # Those of the release first: whoever made them is the grantor of their memberships.
        roles = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)' ORDER BY rolname !~ '^audit_'"
        ).fetchall()
        for (role,) in roles:
            connection.execute(SQL("DROP ROLE {}").format(Identifier(role)))


@pytest.fixture
def log_every_statement(server: Server) -> Iterator[None]:
    server.execute("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    yield
    server.execute("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")


def registered(server: Server) -> str:
    """Register acme and return a key of it."""
    server.execute("SELECT audit.create_tenant(p_id => 'acme')")
    ((api_key,),) = server.execute("SELECT audit.issue_api_key(p_tenant_id => 'acme', p_label => 'test')")
    return str(api_key)


def test_a_role_that_may_make_roles_and_owns_the_database_can(server: Server, serve_any: Serve) -> None:
    server.execute("CREATE ROLE dba LOGIN CREATEROLE", "ALTER DATABASE bank OWNER TO dba")

    assert migrate.apply(server.url("dba")).pending
    assert not migrate.apply(server.url("dba"))

    api_key = registered(server)
    client = serve_any(database_url=SecretStr(server.url("audit_app")))
    assert execute(client, api_key=api_key).status_code == 200
    assert client.get("/api/v1/health/db").json()["isolation"] == "intact"


def test_a_role_that_may_make_roles_and_create_in_the_database_can_and_the_owner_is_asked_for_the_rest(
    server: Server, serve_any: Serve
) -> None:
    server.execute("CREATE ROLE dba LOGIN CREATEROLE", "GRANT CREATE ON DATABASE bank TO dba")

    assert migrate.apply(server.url("dba")).pending
    assert not migrate.apply(server.url("dba"))

    with pytest.raises(RefusedToServe) as refusal:
        serve_any(database_url=SecretStr(server.url("audit_app")))
    assert "REVOKE TEMPORARY ON DATABASE bank FROM PUBLIC".lower() in str(refusal.value).lower()
    server.execute("REVOKE TEMPORARY ON DATABASE bank FROM PUBLIC")
    api_key = registered(server)
    assert execute(serve_any(database_url=SecretStr(server.url("audit_app"))), api_key=api_key).status_code == 200


def test_all_of_them_make_the_same_of_a_database(server: Server) -> None:
    server.execute("CREATE ROLE dba LOGIN CREATEROLE", "ALTER DATABASE bank OWNER TO dba")
    migrate.apply(server.url("dba"))
    by_dba = catalogue(server.url())
    server.execute(
        "DROP SCHEMA audit, pgmigrate CASCADE", "DROP OWNED BY audit_owner", "GRANT TEMP ON DATABASE bank TO PUBLIC"
    )

    migrate.apply(server.url())

    assert catalogue(server.url()) == by_dba


def test_a_role_that_may_not_make_roles_cannot_on_a_new_server(server: Server) -> None:
    server.execute("CREATE ROLE nobody LOGIN", "GRANT CREATE ON DATABASE bank TO nobody")
    before = catalogue(server.url())

    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        migrate.apply(server.url("nobody"))

    assert catalogue(server.url()) == before
    assert server.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'audit%'") == [(0,)]


def test_the_migrating_role_can_once_the_schemas_are_there(server: Server) -> None:
    migrate.apply(server.url())
    server.execute("UPDATE pgmigrate.applied_files SET sha256 = repeat('0', 64) WHERE path LIKE 'functions/%'")

    done = migrate.apply(server.url("audit_migrator"))

    assert done.changed == [path for path in fingerprints() if path.startswith("functions/")]
    found = server.execute("SELECT DISTINCT applied_by FROM pgmigrate.applied_files WHERE path LIKE 'functions/%'")
    assert found == [("audit_migrator",)]
    with (
        psycopg.connect(server.url("audit_migrator")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT * FROM audit.tenants")  # only after SET ROLE


def test_the_running_service_cannot_migrate(server: Server) -> None:
    migrate.apply(server.url())
    before = catalogue(server.url())

    with pytest.raises(psycopg2.Error):
        migrate.apply(server.url("audit_app"))
    assert catalogue(server.url()) == before


def test_a_plan_on_a_new_server_needs_no_role_and_makes_none(server: Server) -> None:
    server.execute("CREATE ROLE nobody LOGIN")

    planned = migrate.plan(server.url("nobody"))

    assert [*planned.pending, *planned.changed] == list(fingerprints())
    assert server.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'audit%'") == [(0,)]


ROLES = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'audit%'"
MEMBERS = "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members"
GRANTED = "SELECT privilege, object_type, object, grantee FROM audit.granted_privileges()"


@pytest.mark.parametrize("role", ["postgres", "dba"])
def test_a_plan_names_every_role_membership_schema_and_grant_that_the_migration_then_makes(
    server: Server, role: str
) -> None:
    server.execute("CREATE ROLE dba LOGIN CREATEROLE", "ALTER DATABASE bank OWNER TO dba")
    before = catalogue(server.url()), set(server.execute(MEMBERS))

    planned = migrate.plan(server.url(role))

    assert (catalogue(server.url()), set(server.execute(MEMBERS))) == before
    migrate.apply(server.url(role))
    made = set(server.execute(MEMBERS)) - before[1]
    assert set(planned.first) == {
        *(f"create role {name}" for (name,) in server.execute(ROLES)),
        # PostgreSQL 16 makes the one who creates a role an administrator of it, which nobody plans.
        *(f"grant {group} to {member}" for group, member in made if member != "dba" or group == "audit_owner"),
        "create schema audit", "create schema pgmigrate", "revoke TEMPORARY on database bank from PUBLIC",
    }  # fmt: skip
    assert sorted(planned.grants) == sorted(
        f"grant {privilege} on {kind} {name} to {grantee}" for privilege, kind, name, grantee in server.execute(GRANTED)
    )
    again = migrate.plan(server.url(role))
    assert (again.first, again.grants, bool(again)) == ([], [], False)


def test_a_plan_names_a_grant_that_an_edited_file_will_make(server: Server, tmp_path: Path) -> None:
    migrate.apply(server.url())
    server.execute("REVOKE EXECUTE ON FUNCTION audit.list_tenants FROM audit_admin")
    release = copy_of_release(tmp_path)
    file = release / "functions/keys/list_tenants.sql"
    file.write_text(file.read_text() + "-- edited\n")

    planned = migrate.plan(server.url(), release)

    assert planned.grants == ["grant EXECUTE on function audit.list_tenants to audit_admin"]
    migrate.apply(server.url(), release)
    assert migrate.plan(server.url(), release).grants == []


def test_the_roles_have_no_power_and_no_password(server: Server) -> None:
    migrate.apply(server.url())

    found = server.execute(
        "SELECT rolname, rolcanlogin, rolinherit FROM pg_authid WHERE rolname LIKE 'audit%' AND NOT (rolsuper OR"
        " rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication) AND rolpassword IS NULL ORDER BY rolname"
    )
    assert set(found) == {
        ("audit_keyed", False, True),
        ("audit_owner", False, False), ("audit_migrator", True, False), ("audit_trusted", False, True),
        ("audit_admin", False, True), ("audit_app", True, True),
        ("audit_sealer", False, True), ("audit_signer", False, True),
        ("audit_keeper", False, True), ("audit_retention", False, True), ("audit_eraser", False, True),
    }  # fmt: skip
    assert server.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'audit%'") == [(len(found),)]


@pytest.mark.usefixtures("log_every_statement")
def test_the_password_of_the_service_reaches_the_server_as_a_hash_alone(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATION_DATABASE_URL", server.url())
    monkeypatch.setenv("AUDIT_APP_PASSWORD", "passw0rd-of-the-service")
    monkeypatch.setattr("sys.argv", ["migrate", "apply"])

    assert migrate.main() == 0

    ((kept,),) = server.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'audit_app'")
    assert kept.startswith("SCRAM-SHA-256$")
    assert "ALTER USER" in server.log.read_text()
    assert "passw0rd" not in server.log.read_text()
    assert "passw0rd" not in "".join(capsys.readouterr())


def test_what_callers_send_does_not_reach_the_servers_log_as_part_of_a_statement(
    server: Server, serve_any: Serve
) -> None:
    migrate.apply(server.url())
    api_key = registered(server)
    client = serve_any(database_url=SecretStr(server.url("audit_app")))

    assert execute(client, api_key=api_key, user_id="c4n4ry", input={"prompt": "c4n4ry"}).status_code == 200
    assert execute(client, api_key=api_key, user_id="c4n4ry" * 100).status_code == 422
    assert execute(client, tenant="c4n4ry", api_key=api_key).status_code == 403
    assert execute(client, api_key=api_key, user_id="c4n4ry\0").status_code == 422
    assert len(records(client, api_key=api_key, user_id="c4n4ry")) == 1

    log = server.log.read_text()
    assert "audit_logs_user_id_size" in log  # what is refused is in the log, but not what was sent
    assert "c4n4ry" not in log


def test_a_server_that_is_stopped_and_started_is_used_again(server: Server, serve_any: Serve) -> None:
    migrate.apply(server.url())
    api_key = registered(server)
    client = serve_any(database_url=SecretStr(server.url("audit_app")), database_pool_timeout=0.3)
    kept = execute(client, api_key=api_key).json()["id"]

    server.private.stop()
    assert execute(client, api_key=api_key).status_code == 503
    assert client.get("/api/v1/health/db").status_code == 503
    assert client.get("/api/v1/health").status_code == 200

    server.private.start("fsync=off")
    eventually(lambda: client.get("/api/v1/health/db").status_code == 200)
    assert execute(client, api_key=api_key).status_code == 200
    assert records(client, api_key=api_key)[0]["id"] == kept

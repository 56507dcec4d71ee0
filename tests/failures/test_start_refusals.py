"""The service refuses to serve a database that would not keep tenants apart for it, or that is not of its release."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from app import migrate
from app.model.refusals import RefusedToServe
from tests.conftest import CreateRole, Serve, TestDatabase
from tests.support.calls import execute
from tests.support.processes import ROOT


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """The block must end in a refusal that says these words, and shows no password."""
    with pytest.raises((RefusedToServe, ValidationError)) as refusal:
        yield
    for word in words:
        assert word.lower() in str(refusal.value).lower()
    assert "passw0rd" not in str(refusal.value)


@pytest.fixture
def serve_as(serve: Serve, database: TestDatabase) -> Serve:
    """Start the service as `role`."""

    def start(role: str, **parameters: str) -> object:
        return serve(database_url=SecretStr(database.url(role, **parameters)))

    return start  # type: ignore[return-value]


def test_a_role_that_is_in_the_trusted_group_and_nothing_else_is_served(
    serve_as: Serve, create_role: CreateRole
) -> None:
    client = serve_as(role=create_role(member_of=("audit_trusted",)))

    assert execute(client).status_code == 200
    assert client.get("/api/v1/health/db").json()["isolation"] == "intact"


def test_a_superuser_is_refused(serve_as: Serve, create_role: CreateRole) -> None:
    with refused("is SUPERUSER"):
        serve_as(role=create_role("SUPERUSER", member_of=("audit_trusted",)))


@pytest.mark.parametrize("power", ["BYPASSRLS", "CREATEROLE", "CREATEDB", "REPLICATION"])
def test_a_role_with_a_power_over_others_is_refused(serve_as: Serve, create_role: CreateRole, power: str) -> None:
    with refused(f"has {power}"):
        serve_as(role=create_role(power, member_of=("audit_trusted",)))


@pytest.mark.parametrize("group", ["audit_owner", "audit_admin", "audit_migrator", "pg_read_all_data"])
def test_a_member_of_any_other_group_is_refused(serve_as: Serve, create_role: CreateRole, group: str) -> None:
    with refused(group):
        serve_as(role=create_role(member_of=("audit_trusted", group)))


def test_a_role_that_could_become_another_by_a_detour_is_refused(serve_as: Serve, create_role: CreateRole) -> None:
    detour = create_role("BYPASSRLS")
    with refused("has BYPASSRLS"):
        serve_as(role=create_role(member_of=("audit_trusted", detour)))


def test_the_migrating_role_is_refused(serve_as: Serve) -> None:
    with refused():
        serve_as(role="audit_migrator")


def test_a_role_of_no_group_is_refused(serve_as: Serve, create_role: CreateRole) -> None:
    with refused("audit_app"):
        serve_as(role=create_role())


def test_the_administering_group_is_refused(serve_as: Serve, create_role: CreateRole) -> None:
    with refused():
        serve_as(role=create_role(member_of=("audit_admin",)))


def test_the_owner_of_the_database_is_refused(serve_as: Serve, create_role: CreateRole, database: TestDatabase) -> None:
    role = create_role(member_of=("audit_trusted",))
    database.execute(f"ALTER DATABASE {database.administrator.info.dbname} OWNER TO {role}")

    with refused(f"{role} owns the database"):
        serve_as(role=role)
    database.execute(f"ALTER DATABASE {database.administrator.info.dbname} OWNER TO postgres")
    assert serve_as(role=role)


def test_a_tenant_stored_for_a_role_is_refused(
    serve_as: Serve, create_role: CreateRole, database: TestDatabase
) -> None:
    role = create_role(member_of=("audit_trusted",))
    database.execute(f"ALTER ROLE {role} SET app.tenant_id = 'globex'")

    with refused("app.tenant_id"):
        serve_as(role=role)


@pytest.mark.parametrize("setting", ["search_path = public, audit", "row_security = off", "role = 'audit_trusted'"])
def test_a_setting_that_a_role_has_stored_for_itself_is_refused(
    serve_as: Serve, create_role: CreateRole, database: TestDatabase, setting: str
) -> None:
    role = create_role(member_of=("audit_trusted",))
    assert serve_as(role=role)
    with psycopg.connect(database.url(role)) as itself:
        itself.execute(f"ALTER ROLE {role} SET {setting}".encode())

    with refused(setting.split()[0]):
        serve_as(role=role)


def test_a_tenant_in_the_start_up_options_is_refused(serve_as: Serve) -> None:
    assert serve_as(role="audit_gateway", options="-c app.name=ringfence")
    with refused("app.tenant_id"):
        serve_as(role="audit_gateway", options="-c app.tenant_id=globex")


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY", "has it disabled"),
        ("ALTER TABLE audit.audit_logs NO FORCE ROW LEVEL SECURITY", "does not force it"),
        ("GRANT TRUNCATE ON audit.audit_logs TO audit_trusted", "TRUNCATE on audit.audit_logs"),
        ("GRANT UPDATE (error) ON audit.audit_logs TO audit_trusted", "UPDATE on audit.audit_logs.error"),
        ("GRANT SELECT ON audit.audit_logs TO PUBLIC", "PUBLIC has SELECT"),
        ("CREATE POLICY stray ON audit.audit_logs TO audit_trusted USING (true)", "stray"),
        ("CREATE TABLE audit.archive (LIKE audit.audit_logs INCLUDING ALL)", "audit.archive"),
        ("CREATE VIEW audit.everything AS SELECT * FROM audit.audit_logs", "audit.everything"),
        ("ALTER FUNCTION audit.list_audit_logs SECURITY DEFINER", "list_audit_logs"),
        ("ALTER TABLE audit.audit_logs OWNER TO postgres", "belongs to postgres"),
    ],
)
def test_a_database_with_a_hole_is_refused(serve: Serve, database: TestDatabase, mistake: str, words: str) -> None:
    assert serve()
    database.execute(mistake)

    with refused(words):
        serve()


def test_an_empty_database_is_refused_naming_the_command(serve: Serve, database: TestDatabase) -> None:
    database.execute("DROP SCHEMA audit, pgmigrate CASCADE")

    with refused("make migrate"):
        serve()


@pytest.mark.parametrize("forgotten", ["schema/V%", "functions/tenant/set_tenant.sql", "policies/audit_logs.sql"])
def test_a_database_of_an_older_release_is_refused_naming_the_command(
    serve: Serve, database: TestDatabase, forgotten: str
) -> None:
    assert serve()
    database.execute(
        "DELETE FROM pgmigrate.applied_files"
        " WHERE path = (SELECT max(path) FROM pgmigrate.applied_files WHERE path LIKE %s)",
        forgotten,
    )

    with refused("make migrate"):
        serve()


def test_a_database_of_a_newer_release_is_served_with_a_warning(
    serve: Serve, database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    database.execute(
        "INSERT INTO pgmigrate.applied_files (path, sha256) VALUES ('schema/V9999__future.sql', repeat('0', 64))"
    )

    assert execute(serve()).status_code == 200
    assert "ahead of this release: version 9999" in caplog.text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://audit_app:passw0rd@127.0.0.1:1/none?sslmode=perhaps", "sslmode"),
        ("postgresql://audit_app:passw0rd@127.0.0.1:1/none?unknown=1", "DATABASE_URL"),
        ("postgresql://audit_app@127.0.0.1:passw0rd/none", "port"),
        ("postgresql://audit_app:x@passw0rd@127.0.0.1/none", "%40"),
        ("postgresql://audit_app@127.0.0.1,127.0.0.1/none?port=1,2,3", "port"),
    ],
)
def test_an_option_that_libpq_does_not_take_is_refused_without_its_value(
    serve_any: Serve, url: str, words: str
) -> None:
    with refused(words):
        serve_any(database_url=SecretStr(url))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://audit_app@/no_such_database?{at}", 'database "no_such_database" does not exist'),
        ("postgresql://no_such_role@/{database}?{at}", 'role "no_such_role" does not exist'),
        ("postgresql://a:passw0rd@127.0.0.1:99999/x", "invalid port number"),
        ("postgresql://audit_app@/{database}%0A?{at}", "does not exist"),
        ("postgresql://audit_app@/{database}?{at}&sslmode=sometimes", "invalid sslmode value"),
        ("postgresql://audit_app@/{database}?{at}&options=-c%20nonsense%3D1", "nonsense"),
        ("postgresql://audit_app@/{database}?{at}&service=nowhere", 'service "nowhere" not found'),
    ],
)
def test_the_reason_for_which_no_login_succeeds_is_told_at_once_in_the_words_of_libpq_or_the_server(
    serve_any: Serve, database: TestDatabase, url: str, sentence: str
) -> None:
    info = database.administrator.info
    url = url.format(database=info.dbname, at=f"host={info.host}&port={info.port}")
    started = time.monotonic()

    with refused("DATABASE_URL: ", sentence):
        serve_any(database_url=SecretStr(url), database_pool_timeout=120)
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_in_another_encoding_than_utf8_is_refused_by_every_command(
    serve_any: Serve, create_database: Callable[..., str], encoding: str
) -> None:
    url = create_database(f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")

    with refused("DATABASE_URL: ", encoding, "UTF8"):
        serve_any(database_url=SecretStr(url))
    for variable, command in (
        ("MIGRATION_DATABASE_URL", ["app.migrate", "plan"]),
        ("MIGRATION_DATABASE_URL", ["app.migrate", "apply"]),
        ("ADMIN_DATABASE_URL", ["app.admin", "list-tenants"]),
        ("ADMIN_DATABASE_URL", ["app.import_jsonl", os.devnull]),
        ("SEALER_DATABASE_URL", ["app.seal", "--once"]),
        ("RETENTION_DATABASE_URL", ["app.retain", "--once"]),
        ("ERASER_DATABASE_URL", ["app.retain", "erase-record", "acme", "0" * 32, "--reference", "request"]),
    ):
        ended = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT, env=os.environ | {variable: url}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ended.returncode != 0
        assert len(ended.stderr.splitlines()) == 1
        assert f"the database has the encoding {encoding}" in ended.stderr
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regnamespace('audit')").fetchone() == (None,)


def test_an_audit_file_that_cannot_be_written_is_refused(serve_file: Serve, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with refused("cannot be written"):
        serve_file(audit_log_path=tmp_path / "folder")
    with refused("cannot be written"):
        serve_file(audit_log_path=Path("/proc/nowhere/audit.jsonl"))


def test_the_release_itself_needs_no_refusal(serve: Serve, database: TestDatabase) -> None:
    info = database.administrator.info
    url = f"postgresql://{info.user}@/{info.dbname}?host={info.host}&port={info.port}"
    assert not migrate.plan(url)
    assert serve().get("/api/v1/health/db").status_code == 200

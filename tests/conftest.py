"""A real server, a freshly migrated database for each test, and the service on top of it.

The server is the one that tests/run.py has started (PostgreSQL does not run as root, and pytest-postgresql's own
executor knows no way around that); pytest-postgresql makes a migrated template, which is cloned for each test.
"""

import faulthandler
import functools
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, LiteralString, Protocol

import hypothesis
import psycopg
import pytest
import sqlparse
from psycopg import Connection
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from pytest_postgresql import factories

from app import migrate
from app.database_url import forget_libpq_variables
from app.main import create_app
from app.release import DATABASE_DIRECTORY
from app.settings import Settings
from tests.support.database import TestDatabase as TestDatabase
from tests.support.file_service import service_on
from tests.support.stores import Store

with warnings.catch_warnings():
    # Starlette would rather have httpx2 than the httpx that the service itself uses.
    warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient` is deprecated")
    from fastapi.testclient import TestClient

forget_libpq_variables()  # of the shell: the server is the tests' own

# Splitting SQL into statements is nine tenths of a migration, and tests apply the same files a hundred times: here each
# text is split once.
_parsestream = sqlparse.parsestream


@functools.cache
def _statements(text: str, encoding: str) -> tuple[str, ...]:
    return tuple(str(statement) for statement in _parsestream(text, encoding))


sqlparse.format = functools.cache(sqlparse.format)
sqlparse.parsestream = _statements  # type: ignore[assignment]

# The same examples on every run: a red test is red again when it is looked at.
hypothesis.settings.register_profile("ringfence", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("ringfence")


def migrated(**connection: Any) -> None:
    """Bring the template to this release and register the tenants that the tests speak of."""
    url = (
        f"postgresql://{connection['user']}@/{connection['dbname']}?host={connection['host']}&port={connection['port']}"
    )
    migrate.apply(url)
    with psycopg.connect(url, autocommit=True) as administrator:
        for tenant in ("acme", "globex"):
            administrator.execute("SELECT audit.create_tenant(p_id => %s)", [tenant])
        # What a gateway's service connects as. audit_app, which is there already, is a member of audit_keyed.
        administrator.execute(
            "DO $$ BEGIN IF to_regrole('audit_gateway') IS NULL THEN"
            " CREATE ROLE audit_gateway LOGIN IN ROLE audit_trusted; END IF; END $$"
        )


postgresql_server = factories.postgresql_noproc(load=[migrated], dbname="ringfence_test")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of tests/run.py for the second server and those after it, and that of tests/citus."""
    parser.addoption("--needs-server", action="store_true", help="leave out the tests that PostgreSQL has no part in")
    parser.addoption(
        "--citus", type=Path, help="the folder of programs of a PostgreSQL that has Citus, for tests/citus"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Obey --needs-server."""
    if config.getoption("--needs-server"):
        left_out = [item for item in items if _has_no_server(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_unconfigure() -> None:
    """End the process in time, and show where it stands, if a test has left a thread that does not end."""
    faulthandler.dump_traceback_later(60, exit=True, file=2)


def _has_no_server(item: pytest.Item) -> bool:
    """Whether a test is of the room unit, or about a browser, a service on a file, or a signer or shipper alone."""
    assert isinstance(item, pytest.Function)
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    on_a_file = parameters.get("store") == "jsonl" or not {"serve_file", "port"}.isdisjoint(item.fixturenames)
    offline = item.path.parent.name in ("sign", "ship") and "postgresql_server" not in item.fixturenames
    if item.path.parent.name == "unit" or "desk" in item.fixturenames:  # a browser shows the same whatever the server
        return True
    return offline or (on_a_file and "postgresql_server" not in item.fixturenames)


@pytest.fixture(scope="session")
def maintenance(postgresql_server: Any) -> Iterator[Connection[Any]]:
    """A superuser's connection to the server, for making and dropping databases."""
    at = {"host": postgresql_server.host, "port": postgresql_server.port, "user": postgresql_server.user}
    with psycopg.connect(**at, dbname="postgres", autocommit=True) as connection:
        yield connection


@pytest.fixture
def administrator(postgresql_server: Any, maintenance: Connection[Any]) -> Iterator[Connection[Any]]:
    """A superuser's connection to a clone of the migrated database, which is dropped after the test."""
    name, template = Identifier(postgresql_server.dbname), Identifier(postgresql_server.template_dbname)
    # file_copy: a third of the time of the default, which writes each page to the write-ahead log.
    maintenance.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    maintenance.execute(SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(name, template))
    at = {"host": postgresql_server.host, "port": postgresql_server.port, "user": postgresql_server.user}
    with psycopg.connect(**at, dbname=postgresql_server.dbname) as connection:
        yield connection
    maintenance.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


class Serve(Protocol):
    """Starts the service with the given settings, which are fields of app.settings.Settings."""

    def __call__(self, **settings: Any) -> TestClient:
        """Return a client of it."""


class CreateRole(Protocol):
    """Makes a login role of the test's own."""

    def __call__(self, attributes: str = "", *, member_of: tuple[str, ...] = ()) -> str:
        """Return its name. attributes: as in CREATE ROLE."""


@pytest.fixture
def database(administrator: Connection[Any]) -> TestDatabase:
    """A migrated database with the tenants acme and globex; `administrator` is a superuser's connection to it."""
    administrator.autocommit = True
    # A clone has the template's schemas, and the privileges on the database of a new one.
    administrator.execute((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_bytes())
    return TestDatabase(administrator)


@pytest.fixture
def create_database(postgresql_server: Any) -> Iterator[Callable[..., str]]:
    """Make an empty database, with these options, and return its URL, for a superuser; it is dropped after the test."""
    user, at = postgresql_server.user, f"host={postgresql_server.host}&port={postgresql_server.port}"
    with ExitStack() as created:
        server = created.enter_context(psycopg.connect(f"postgresql://{user}@/postgres?{at}", autocommit=True))

        def create(options: LiteralString = "") -> str:
            name = f"ringfence_empty_{uuid.uuid4().hex[:12]}"
            server.execute(SQL("CREATE DATABASE {} " + options).format(Identifier(name)))
            created.callback(server.execute, SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
            return f"postgresql://{user}@/{name}?{at}"

        yield create


@pytest.fixture
def create_role(database: TestDatabase) -> Iterator[CreateRole]:
    """Login roles for this test alone: the roles of the release belong to every database of the server."""
    names: list[str] = []

    def create(attributes: str = "", *, member_of: tuple[str, ...] = ()) -> str:
        name = f"ringfence_test_{uuid.uuid4().hex[:12]}"
        names.append(name)
        database.execute(f"CREATE ROLE {name} LOGIN {attributes}")
        for group in member_of:
            database.execute(f"GRANT {group} TO {name}")
        return name

    yield create
    database.execute("RESET ROLE")
    for name in names:
        database.execute(f"REASSIGN OWNED BY {name} TO postgres")
        database.execute(f"DROP OWNED BY {name}")
        database.execute(f"DROP ROLE {name}")


@pytest.fixture
def serve_any() -> Iterator[Serve]:
    """Start the service with nothing but the given settings; it is stopped after the test."""
    with ExitStack() as started:

        def start(**settings: Any) -> TestClient:
            client = TestClient(create_app(Settings(**{"spool": False} | settings)), raise_server_exceptions=False)
            return started.enter_context(client)

        yield start


@pytest.fixture
def serve(database: TestDatabase, serve_any: Serve) -> Serve:
    """Start the service on `database`."""

    def start(**settings: Any) -> TestClient:
        return serve_any(**{"database_url": SecretStr(database.url())} | settings)

    return start


@pytest.fixture
def serve_file(tmp_path: Path, serve_any: Serve) -> Serve:
    """Start the service on a file."""

    def start(**settings: Any) -> TestClient:
        return serve_any(**{"database_url": None, "audit_log_path": tmp_path / "audit.jsonl"} | settings)

    return start


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a service on a file, which waits a second at most for its callers."""
    with service_on(tmp_path) as port:
        yield port


@pytest.fixture(scope="session", params=["api_key", "header", "jsonl"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Each backend, for tests that need no more of it than that it is empty when they start."""
    if request.param == "jsonl":
        file = tmp_path_factory.mktemp("shared") / "audit.jsonl"
        settings = {"database_url": None, "audit_log_path": file}
        yield Store(settings, lambda: file.write_text("") if file.exists() else 0, {})
        return
    server = request.getfixturevalue("postgresql_server")
    at = {"host": server.host, "port": server.port, "user": server.user}
    name, template = Identifier(f"{server.dbname}_shared"), Identifier(server.template_dbname)
    with psycopg.connect(**at, dbname="postgres", autocommit=True) as maintenance:
        maintenance.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        maintenance.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        with psycopg.connect(**at, dbname=f"{server.dbname}_shared", autocommit=True) as administrator:
            administrator.execute((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_bytes())
            shared = TestDatabase(administrator)
            keyed = request.param == "api_key"
            yield Store(
                {"database_url": SecretStr(shared.url("audit_app" if keyed else "audit_gateway"))},
                lambda: administrator.execute("TRUNCATE audit.audit_logs"),
                {tenant: shared.issue_api_key(tenant) for tenant in ("acme", "globex")} if keyed else {},
            )
        maintenance.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def running(store: Store) -> Iterator[TestClient]:
    """The service with its default settings on each backend."""
    with store.client() as client:
        yield client


@pytest.fixture
def client(store: Store, running: TestClient) -> TestClient:
    """The service on each of its backends, with no record in it."""
    store.empty()
    return running


@pytest.fixture
def serve_each(store: Store) -> Iterator[Serve]:
    """Start the service on each of its backends, with no record in it."""
    store.empty()

    with ExitStack() as started:

        def start(**settings: Any) -> TestClient:
            return started.enter_context(store.client(**settings))

        yield start

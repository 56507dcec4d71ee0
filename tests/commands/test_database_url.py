"""Database URLs: read from variables, understood or refused in one line, and never repeated."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import pq

from app import __main__ as service
from app import migrate, retain, seal
from app.admin import __main__ as admin
from app.database_url import BadDatabaseUrl, as_libpq_variables, fault, from_environment
from app.import_jsonl import __main__ as import_jsonl
from app.local import __main__ as local
from tests.conftest import TestDatabase
from tests.support.processes import ROOT, running_service

Main = Callable[[], int]
COMMANDS: dict[str, tuple[str, list[str], Main]] = {
    "app": ("DATABASE_URL", [], lambda: started()),
    "app.admin": ("ADMIN_DATABASE_URL", ["list-tenants"], admin.main),
    "app.retain": ("RETENTION_DATABASE_URL", ["--once"], retain.main),
    "app.retain erase-record": (
        "ERASER_DATABASE_URL",
        ["erase-record", "acme", "0" * 32, "--reference", "request"],
        retain.main,
    ),
    "app.seal": ("SEALER_DATABASE_URL", ["--once"], seal.main),
    "app.migrate plan": ("MIGRATION_DATABASE_URL", ["plan"], migrate.main),
    "app.migrate apply": ("MIGRATION_DATABASE_URL", ["apply"], migrate.main),
    "app.import_jsonl": ("ADMIN_DATABASE_URL", ["--apply", os.devnull], import_jsonl.main),
    "app.local": ("DATABASE_URL", ["with", "--", "true"], local.main),
}
HEAD, TAIL = "Pq7zXw", "Vk9jYm"
"""Two pieces of every password, which no message has by chance."""


def started() -> int:
    """Start the service up to where it would serve: a database that cannot be reached is waited for."""
    with patch("app.__main__.uvicorn.run"):
        return service.main([])


def printed(command: str, url: str) -> tuple[int, str]:
    """Run a command in this process, with `url` in its variable; return its status and all that it prints."""
    variable, arguments, main = COMMANDS[command]
    output = io.StringIO()
    with (
        patch.dict(os.environ, {variable: url, "PORT": "0", "SPOOL": "off"}),
        patch.object(sys, "argv", [command, *arguments]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        status = main()
    return status, output.getvalue()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql+asyncpg://u:{HEAD}@localhost/x", "SQLAlchemy"),
        (f"mysql://u:{HEAD}@localhost/x", "mysql"),
        (f"sqlite:///{HEAD}", "sqlite"),
        (f"jdbc:postgresql://localhost/x?password={HEAD}", "JDBC"),
        (f"POSTGRESQL://u:{HEAD}@localhost/x", "lower case"),
        (f"postgresql://u:{HEAD}%@localhost/x", "%25"),
        (f"postgresql://u:{HEAD}/{TAIL}@localhost/x", "%2F"),
        (f"postgresql://u:12345/{TAIL}@localhost/x", "%2F"),
        (f"postgresql://u:{HEAD}@{TAIL}@localhost/x", "%40"),
        (f"postgresql://me@corp:{HEAD}@localhost/x", "%40"),
        (f"postgresql://u:{HEAD} {TAIL}@localhost/x", "%20"),
        (f"postgresql://u:{HEAD}@localhost:{TAIL}/x", "port"),
        (f"postgresql://u:{HEAD}@localhost/x?pasword={TAIL}", "not a connection string"),
        (f"postgresql://u:{HEAD}@localhost/x\n", "line break"),
        (f"postgresql://u:{HEAD}\udcff@localhost/x", "control character"),
        (f"host=localhost password={HEAD} {TAIL}", "not a connection string"),
        (f"{HEAD}%", "not a connection string"),
    ],
)
def test_a_url_that_cannot_work_is_refused_in_one_line_that_names_the_variable(
    command: str, url: str, words: str
) -> None:
    status, text = printed(command, url)

    assert status != 0
    # The importer prints its report first.
    last = text.strip().splitlines()[-1]
    assert f"{COMMANDS[command][0]}: " in last
    assert words in last
    assert HEAD not in text
    assert TAIL not in text


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "app.local"])
@given(
    between=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
    form=st.sampled_from(
        [
            "postgresql://u:{}@127.0.0.1:1/x",
            "postgres://u:{}@127.0.0.1:1/x",
            "postgresql+psycopg://u:{}@127.0.0.1:1/x",
            "postgresql://127.0.0.1:1/x?user=u&password={}",
            "host=127.0.0.1 port=1 user=u password={}",
            "host=127.0.0.1 port=1 user=u password='{}'",
        ]
    ),
    quoted=st.booleans(),
)
@settings(max_examples=60)
def test_no_piece_of_a_password_is_ever_printed(command: str, between: str, form: str, quoted: bool) -> None:
    password = HEAD + between + TAIL
    _, text = printed(command, form.format(quote(password, safe="") if quoted else password))

    assert HEAD not in text
    assert TAIL not in text


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_both_schemes_of_libpq_are_taken(database: TestDatabase, scheme: str) -> None:
    url = database.url("audit_app").replace("postgresql://", f"{scheme}://")

    with running_service(database_url=url) as running:
        assert running.http.get("/api/v1/health/db").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://audit_app@/",
        "postgresql://u:a%2Fb%40c%25@h:5433/x",
        "postgresql://u:a#b?c:d@h/x",
        "postgresql://a:1,b:2/x?target_session_attrs=read-write",
        "postgresql://u@[::1]:5432/x",
        "postgresql:///x?host=/run/a@b",
        "host=h dbname=x password=x://y",
        "service=bank",
    ],
)
def test_what_libpq_understands_as_it_was_meant_is_taken(url: str) -> None:
    assert fault(url) is None


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_URL", "")
    with pytest.raises(BadDatabaseUrl, match=r"^set SOME_URL to the database$"):
        from_environment("SOME_URL", "the database")
    monkeypatch.setenv("SOME_URL", "postgresql://h/x")
    assert from_environment("SOME_URL", "the database")


def test_the_encoding_of_the_shell_does_not_count(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    monkeypatch.setenv("SOME_URL", database.url("postgres"))

    with psycopg.connect(from_environment("SOME_URL", "the database")) as connection:
        assert connection.execute("SELECT 'ü'").fetchone() == ("ü",)


def test_every_option_that_has_a_variable_of_libpq_gets_it() -> None:
    options = {
        option.keyword.decode(): option.envvar.decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar and option.keyword != b"service"
    }
    found = as_libpq_variables(" ".join(f"{name}=of_{name}" for name in options))

    assert {name: found[variable] for name, variable in options.items()} == {name: f"of_{name}" for name in options}
    assert {"PGHOSTADDR", "PGSSLCERT", "PGSSLKEY", "PGPASSFILE", "PGCONNECT_TIMEOUT"} <= set(options.values())


def test_what_a_url_leaves_out_is_what_the_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "of-the-shell")
    monkeypatch.setenv("PGUSER", "of-the-shell")

    found = as_libpq_variables("postgresql://of-the-url@/")

    assert (found["PGHOST"], found["PGUSER"]) == ("of-the-shell", "of-the-url")


def test_a_url_wins_over_its_service_and_the_service_over_the_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    services = tmp_path / "services"
    services.write_text("[bank]\nhost=of-the-service\nuser=of-the-service\nport=5433\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGHOST", "of-the-shell")

    found = as_libpq_variables("postgresql://of-the-url@/?service=bank")

    assert (found["PGHOST"], found["PGUSER"], found["PGPORT"]) == ("of-the-service", "of-the-url", "5433")
    assert "PGSERVICE" not in found


def test_a_service_that_is_unknown_is_left_for_libpq_to_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "none"))

    assert as_libpq_variables("service=bank")["PGSERVICE"] == "bank"


def test_a_database_url_may_leave_all_but_the_role_to_libpqs_variables(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = database.administrator.info
    for variable, value in (("PGHOST", info.host), ("PGPORT", info.port), ("PGDATABASE", info.dbname)):
        monkeypatch.setenv(variable, str(value))

    with running_service(database_url="postgresql://audit_app@/") as running:
        assert running.http.get("/api/v1/health/db").status_code == 200


def test_a_private_database_does_not_depend_on_the_variables_of_the_shell(tmp_path: Path) -> None:
    nonsense = {option.envvar.decode(): "nonsense" for option in pq.Conninfo.get_defaults() if option.envvar}
    nonsense |= {"PGSERVICEFILE": "/nonsense", "PGSYSCONFDIR": "/nonsense", "PGDATA": "/nonsense", "PGTZ": "nonsense"}
    environment = {name: value for name, value in os.environ.items() if not name.endswith("DATABASE_URL")}

    finished = subprocess.run(
        [sys.executable, "-m", "app.local", "with", "--", "psql", "-XAtc", "SELECT user, audit.tenant_source()"],
        cwd=tmp_path, env=environment | nonsense | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert finished.stdout == "audit_app|api_key\n", finished.stderr
    assert finished.returncode == 0

"""Bring a database to this release: `python -m app.migrate apply`, or `plan` to see what that would do.

yandex-pgmigrate applies the numbered files of db/schema, then db/functions and db/policies. It remembers numbers
alone, and applies functions and policies again only when a numbered file is pending. This module adds the rest: it
records the SHA-256 of every applied file, applies functions and policies that were edited, and refuses when a numbered
file was edited after it was applied. All files are applied in one transaction, so a failure changes none of them; the
roles and the two empty schemas are created before, in a transaction of their own, and indexes are built outside of it
(app/index_builds.py): before the files where the table exists, after them in a new database.

MIGRATION_DATABASE_URL names the database and a role that may create roles and schemas, superuser or not; where the
roles exist already, audit_migrator suffices. AUDIT_APP_PASSWORD, if set, becomes the password of audit_app: a platform
that generates secrets can give the same one to the service.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pgmigrate
import psycopg
import psycopg2
import psycopg2.errors
import sqlparse.engine.grouping
from psycopg2.extensions import parse_dsn

from app import database_url, index_builds
from app.release import DATABASE_DIRECTORY, fingerprints
from app.terminal_text import printable

OLDEST_SERVER = 15
# pgmigrate warns about db/schema/frozen.sha256. fingerprints() refuses misnamed files.
logging.getLogger("pgmigrate").setLevel(logging.ERROR)
_MAX_DEADLOCKS = 9


class MigrationRefused(Exception):
    """The database cannot be brought to this release; the message says why and what to do."""


NOTHING_APPLIED = (
    MigrationRefused,
    index_builds.AnotherMigration,
    pgmigrate.MigrateError,
    ValueError,
    psycopg2.Error,
    psycopg.Error,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between a database and this release. Paths are relative to db/.

    pending: numbered files that were never applied.
    changed: functions and policies that are new or were edited.
    removed: functions and policies that are no longer in the release; a numbered file drops them.
    first: roles and schemas to create before the files, and privileges to revoke from PUBLIC; in words.
    grants: privileges that the files grant and the database does not have yet; in words.
    indexes: files of db/indexes whose index is missing, was left invalid by a build that failed, or is another.
    comments: files of db/indexes whose index is there without its comment.
    """

    pending: list[str]
    changed: list[str]
    removed: list[str]
    first: list[str] = field(default_factory=list)
    grants: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @classmethod
    def between(cls, applied: dict[str, str], release: dict[str, str]) -> "Plan":
        """Compare the fingerprints of a database with those of a release.

        Raises MigrationRefused when an applied numbered file is missing or was edited, or when a pending one has a
        number below an applied one.
        """
        done = [path for path in applied if path.startswith("schema/")]
        for path in done:
            if path not in release:
                raise MigrationRefused(
                    f"the database has db/{path}, which this release does not: it is newer than this release"
                )
            if applied[path] != release[path]:
                raise MigrationRefused(
                    f"db/{path} was applied with other content: restore it, and put the change into a new file"
                )
        pending = [path for path in release if path.startswith("schema/") and path not in applied]
        if pending and done and pending[0] < max(done):
            raise MigrationRefused(
                f"db/{pending[0]} comes before {max(done)}, which is applied: give it a higher number"
            )
        return cls(
            pending=pending,
            changed=[p for p in release if not p.startswith("schema/") and applied.get(p) != release[p]],
            removed=[p for p in applied if p not in release],
        )

    def __bool__(self) -> bool:
        return bool(self.pending or self.changed or self.removed or self.indexes or self.comments)


def plan(url: str, directory: Path = DATABASE_DIRECTORY) -> Plan:
    """Return what `apply` would do. Only reads, and takes no lock that blocks a writer."""
    release = fingerprints(directory)
    with _connection(url) as connection, connection.cursor() as cursor:
        first = _first(cursor)
        applied = _applied_so_far(cursor)
        todo = Plan.between(applied, release)
        indexes, comments = index_builds.pending(cursor, directory)
        grants = _grants(cursor, todo, is_empty=not applied)
        return replace(todo, first=first, grants=grants, indexes=indexes, comments=comments)


def _first(cursor: Any) -> list[str]:
    cursor.execute((DATABASE_DIRECTORY / "bootstrap" / "planned.sql").read_text())
    return [line for (line,) in cursor.fetchall()]


def _grants(cursor: Any, todo: Plan, *, is_empty: bool) -> list[str]:
    """Return the privileges that the files of `todo` grant and that are not granted yet."""

    def rows(function: str) -> list[tuple[str, str, str, str]]:
        # Runs the body of this release's function as a query: the database may have an older one, or none.
        (file,) = DATABASE_DIRECTORY.glob(f"functions/**/{function}.sql")
        cursor.execute("SET LOCAL quote_all_identifiers = off")  # as the function itself has it
        cursor.execute(file.read_text().split("$$")[1])
        found: list[tuple[str, str, str, str]] = cursor.fetchall()
        return found

    granted = set() if is_empty else set(rows("granted_privileges"))
    applied_again = {Path(path).stem for path in todo.changed}
    return [
        f"grant {privilege} on {kind} {name} to {grantee}"
        for grantee, kind, name, privilege in rows("intended_privileges")
        if (grantee, kind, name, privilege) not in granted
        and (todo.pending or applied_again.intersection(name.split(".")[1:2]))
    ]


def apply(url: str, directory: Path = DATABASE_DIRECTORY, rewritten: Path | None = None) -> Plan:
    """Bring the database to this release and return what was done; an empty plan: nothing.

    rewritten: a copy of `directory` to apply in its place, where a node of a cluster takes a numbered file in parts;
    what is recorded are the fingerprints of `directory`.

    Raises MigrationRefused, or psycopg2.Error when the server refuses; no file has been applied then. Raises
    IndexBuildFailed when an index could not be built; in a new database the files have been applied by then.
    """
    release = fingerprints(directory)
    with _connection(url) as session:
        session.autocommit = True
        with session.cursor() as builder:
            index_builds.lock(builder, directory)
            for _ in range(_MAX_DEADLOCKS):
                # Running workers lock tables too, and not always in the order of db/bootstrap/lock_tables.sql.
                with suppress(psycopg2.errors.DeadlockDetected):
                    return _apply_once(url, directory, rewritten or directory, release, builder)
            return _apply_once(url, directory, rewritten or directory, release, builder)


def _apply_once(url: str, directory: Path, applied_from: Path, release: dict[str, str], builder: Any) -> Plan:
    with _connection(url) as connection, connection.cursor() as cursor:
        first = _first(cursor)
        for file in ("roles.sql", "database.sql"):
            cursor.execute((directory / "bootstrap" / file).read_text())
        connection.commit()
        Plan.between(_applied_so_far(cursor), release)  # a database that is refused gets no index either
    built, commented = index_builds.build(builder, url, directory)

    # sqlparse refuses long function bodies unless its limits are lifted, as pgmigrate's own command line does.
    sqlparse.engine.grouping.MAX_GROUPING_DEPTH = None  # type: ignore[assignment]
    sqlparse.engine.grouping.MAX_GROUPING_TOKENS = None  # type: ignore[assignment]
    arguments = argparse.Namespace(
        base_dir=str(applied_from), conn=url, target="latest", disable_schema_check=True, check_serial_versions=True
    )
    config = pgmigrate.get_config(str(applied_from), arguments)
    config = config._replace(user=config.conn_instance.info.user)
    try:
        config.cursor.execute((directory / "bootstrap" / "applied_files.sql").read_text())
        applied = _applied(config.cursor)
        todo = Plan.between(applied, release)
        grants = _grants(config.cursor, todo, is_empty=not applied)
        if todo.pending or todo.changed:
            config.cursor.execute((DATABASE_DIRECTORY / "bootstrap" / "lock_tables.sql").read_text())
        if todo.changed and not todo.pending:
            for path in todo.changed:
                config.cursor.execute((directory / path).read_text("utf-8"))
        for path in [*todo.pending, *todo.changed, *todo.removed]:
            config.cursor.execute(
                "SELECT pgmigrate.record_applied_file(p_path => %(path)s, p_sha256 => %(sha256)s)",
                {"path": path, "sha256": release.get(path)},
            )
        pgmigrate.migrate(config)  # the pending files, then all functions and policies; commits
    except pgmigrate.MigrateError as error:
        raise MigrationRefused(f"{error}: {error.__context__}" if error.__context__ else str(error)) from error
    finally:
        config.conn_instance.close()
    built_after, _ = index_builds.build(builder, url, directory)  # in a new database: none lacks its comment
    return replace(todo, first=first, grants=grants, indexes=built + built_after, comments=commented)


def set_app_password(url: str, password: str) -> None:
    """Set the password of audit_app. It is hashed here: the server's log and pg_stat_activity show the hash alone."""
    with psycopg.connect(url) as connection:
        connection.pgconn.change_password(b"audit_app", password.encode())


def _is_cluster(url: str) -> bool:
    with _connection(url) as connection, connection.cursor() as cursor:
        cursor.execute((DATABASE_DIRECTORY / "citus" / "is_cluster.sql").read_text())
        return cursor.fetchone() is not None


def _applied_so_far(cursor: Any) -> dict[str, str]:
    """Return the fingerprints of a database that may be new and without a list of them. Ends the transaction."""
    try:
        cursor.execute("SET ROLE audit_owner")
        applied = _applied(cursor)
    except (
        psycopg2.errors.InvalidParameterValue,  # no role audit_owner
        psycopg2.errors.UndefinedObject,
        psycopg2.errors.InvalidSchemaName,  # no list of applied files
        psycopg2.errors.UndefinedFunction,
    ):
        applied = {}
    cursor.connection.rollback()
    return applied


def _applied(cursor: Any) -> dict[str, str]:
    cursor.execute("SELECT path, sha256 FROM pgmigrate.list_applied_files()")
    return dict(cursor.fetchall())


@contextmanager
def _connection(url: str) -> Iterator[Any]:
    # lock_timeout: any role can hold the advisory lock that migrations wait for.
    options = f"{parse_dsn(url).get('options', '')} -c lock_timeout=60s"  # in place of the URL's own, which hold too
    connection = psycopg2.connect(url, application_name="ringfence migrate", options=options)
    try:
        if connection.server_version // 10000 < OLDEST_SERVER:
            raise MigrationRefused(f"PostgreSQL {OLDEST_SERVER} or later is needed")
        if found := database_url.encoding_fault(connection.info.parameter_status("server_encoding")):
            raise MigrationRefused(found)
        yield connection
    finally:
        connection.close()


def main() -> int:
    """Run the command; return its exit status: 0, or 1 with the reason in one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m app.migrate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("command", choices=["apply", "plan"])
    command = parser.parse_args().command
    try:
        url = database_url.from_environment("MIGRATION_DATABASE_URL", "the database, as a role that may create roles")
        if command == "apply" and _is_cluster(url):
            raise MigrationRefused("the records lie on the nodes of a cluster: make distribute takes the place of this")
        todo = plan(url) if command == "plan" else apply(url)
        if command == "apply" and (password := os.environ.get("AUDIT_APP_PASSWORD")):
            set_app_password(url, password)
    except database_url.BadDatabaseUrl as error:
        print(error, file=sys.stderr)
        return 1
    except index_builds.IndexBuildFailed as error:
        print(f"an index was not built: {printable(database_url.one_line(error))}", file=sys.stderr)
        return 1
    except NOTHING_APPLIED as error:
        print(f"no file was applied: {printable(database_url.one_line(error))}", file=sys.stderr)
        return 1
    lines = [*todo.first]
    for verb, paths in (("apply", todo.pending), ("apply", todo.changed), ("forget", todo.removed)):
        lines += [f"{verb} db/{path}" for path in paths]
    lines += [f"build db/{path}" for path in todo.indexes]
    lines += [f"set the comment of db/{path}" for path in todo.comments]
    for line in [*lines, *todo.grants]:
        print(f"{'would ' if command == 'plan' else ''}{line}")
    if not lines:
        print("up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())

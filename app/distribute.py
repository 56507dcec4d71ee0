"""Bring a Citus cluster to this release: `python -m app.distribute`; `rotate-secret` replaces the proofs' secret.

Each node is migrated as a single server is (app/migrate.py), and then gets what differs on Citus: the files of
db/citus, each with its reason in its head. The coordinator's records move into shards, one tenant to a shard. Running
it again changes nothing; it is run again after each release (app/shard_changes.py brings its numbered files to shards),
and for a worker that was added as inactive, which it prepares and makes active.

MIGRATION_DATABASE_URL names the coordinator's database and a superuser, who must be able to connect with the same
user, password and database to every worker, by the names in pg_dist_node. SHARDS, 32 unless set, is how many shards a
new cluster gets.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from app import database_url, migrate, shard_changes
from app.release import DATABASE_DIRECTORY, fingerprints
from app.terminal_text import printable

FEWEST_WORKERS = 2
MAX_SHARDS = 1024
_FILES = DATABASE_DIRECTORY / "citus"


class DistributionRefused(Exception):
    """The cluster is not fit for what was asked; the message says why."""


@dataclass(frozen=True)
class _Worker:
    """A worker, as the coordinator names it. url: of its database, for the superuser of the coordinator's URL."""

    name: str
    port: int
    is_active: bool
    url: str


def distribute(url: str, shards: int, directory: Path = DATABASE_DIRECTORY) -> list[str]:
    """Bring the coordinator that `url` names and all its workers to this release; return what was done, in words.

    The coordinator is closed to everybody from the first change to the last: functions of one server and of a cluster
    do not know each other's proofs, and a list would be empty. Raises DistributionRefused, with nothing closed. Raises
    what app.migrate.apply() raises, or psycopg.Error: it stays closed then until a run has ended well.
    """
    found = _workers(url)
    workers = [worker.url for worker in found]
    nodes = [url, *workers]
    _refuse_unfit(workers)
    with TemporaryDirectory(prefix="ringfence-release-") as folder:
        changes = _shard_changes(nodes, directory, Path(folder))
        if changes and not all(worker.is_active for worker in found):
            raise DistributionRefused(
                "a worker is added after a release: citus_remove_node(), make distribute, and add it again"
            )
        for node in (url, *map(_alone, workers)):  # roles that are older than Citus are not handed on
            with _connection(node) as connection, connection.transaction():
                connection.execute((DATABASE_DIRECTORY / "bootstrap" / "roles.sql").read_bytes())
                _apply(connection, "logins.sql")
        _refuse_an_owner_that_is_kept_out(url)
        _apply_as_owner(url, "close.sql")
        for node in workers:
            _apply_as_owner(node, "new_tables.sql")
        done = _migrate(nodes, directory, changes)
    with _connection(url) as coordinator, coordinator.transaction():
        _give_secrets(coordinator, workers)
    for node in nodes:
        _restore_functions(node, directory)
        with _connection(_alone(node)) as connection, connection.transaction():
            # Before it is the owner: these change functions of two owners.
            _apply(connection, "calls.sql")
            _apply(connection, "isolation.sql")
            _apply(connection, "extension_privileges.sql")
            _apply(connection, "owner.sql")
            if node != url:
                _apply(connection, "make_room.sql")
            for file in sorted((_FILES / "functions").glob("*.sql")):
                _apply(connection, f"functions/{file.name}")
    with _connection(url) as coordinator, coordinator.transaction():
        _apply(coordinator, "owner.sql")
        coordinator.execute(_text("shards.sql"), {"shards": str(shards)})
        for name in ("policies.sql", "restrictive_policies.sql", "tables.sql", "owner_appends.sql", "two_phases.sql"):
            _apply(coordinator, name)
    with _connection(url) as coordinator:
        for worker in found:
            if not worker.is_active:
                coordinator.execute(_text("activate.sql"), {"nodename": worker.name, "nodeport": worker.port})
    # Over connections of its own, which would not see a table that is not committed.
    _apply_as_owner(url, "shard_privileges.sql")
    for node in workers:
        _apply_as_owner(node, "worker_privileges.sql")
        _apply_as_owner(node, "new_shards.sql")
    _apply_as_owner(url, "open.sql")
    return done


def rotate_secret(url: str) -> None:
    """Replace the secret of the proofs on every node of the cluster that `url` names.

    The workers have the new one before the coordinator uses it, and the one before checks for thirty more seconds.
    Raises DistributionRefused, or psycopg.Error: `distribute` then gives every node the coordinator's secrets again.
    """
    workers = _workers(url)
    with _connection(url) as coordinator, coordinator.transaction():
        _apply(coordinator, "rotate_secret.sql")
        _give_secrets(coordinator, [worker.url for worker in workers if worker.is_active])


def _workers(url: str) -> list[_Worker]:
    """Return the workers. Raises DistributionRefused."""
    with _connection(url) as coordinator:
        if not coordinator.execute(_text("extension.sql")).fetchall():
            raise DistributionRefused("the database has no extension citus: CREATE EXTENSION citus on every node")
        found = coordinator.execute(_text("nodes.sql")).fetchall()
    workers = [
        _Worker(name, port, is_active, make_conninfo(url, host=name, port=port, hostaddr=""))
        for name, port, is_active in (row.values() for row in found)
    ]
    if len(workers) < FEWEST_WORKERS:
        raise DistributionRefused(
            f"the coordinator knows {len(workers)} workers that hold shards, and {FEWEST_WORKERS} are needed:"
            " add them with citus_set_coordinator_host() and citus_add_node()"
        )
    for number, worker in enumerate(workers, 1):
        try:
            with _connection(worker.url):
                pass
        except psycopg.OperationalError as error:
            raise DistributionRefused(f"worker {number} cannot be reached: {error}") from error
    return workers


def _refuse_unfit(workers: list[str]) -> None:
    """Raise DistributionRefused when a worker cannot be a part of the cluster as it is."""
    for number, worker in enumerate(workers, 1):
        try:
            with _connection(worker) as connection:
                _apply(connection, "fit.sql")
        except (psycopg.errors.ObjectInUse, psycopg.errors.ObjectNotInPrerequisiteState) as error:
            raise DistributionRefused(f"worker {number}: {error.diag.message_primary}") from error


def _is_distributed(url: str) -> bool:
    """Return whether the records lie in shards already."""
    with _connection(url) as coordinator:
        return bool(coordinator.execute(_text("distributed.sql")).fetchall())


def _shard_changes(nodes: list[str], directory: Path, folder: Path) -> shard_changes.Changes | None:
    """Return what each node applies of numbered files, where there are shards and a node lacks one.

    folder: where it is kept. Raises DistributionRefused when a file changes the records in a way that shards would not
    follow.
    """
    if not _is_distributed(nodes[0]):
        return None
    lacked: set[str] = set()
    for node in nodes:
        pending = migrate.plan(_alone(node), directory).pending
        # A node that has none of them is new, and takes them as a single server does.
        if len(pending) < len(list((directory / "schema").glob("V*.sql"))):
            lacked.update(pending)
    try:
        return shard_changes.write(directory, sorted(lacked), folder) if lacked else None
    except shard_changes.NotForShards as error:
        raise DistributionRefused(str(error)) from error


def _migrate(nodes: list[str], directory: Path, changes: shard_changes.Changes | None) -> list[str]:
    """Bring each node to the release; return what was done. Raises DistributionRefused when a record has gone."""
    coordinator, *workers = nodes
    before = _count(coordinator) if changes else None
    for worker in workers if changes and changes.functions else []:
        with _connection(_alone(worker)) as connection, connection.transaction():
            _apply(connection, "owner.sql")
            for statement in changes.functions if changes else []:
                connection.execute(statement.encode())
    done = []
    for number, node in enumerate(nodes):
        copy = (changes.worker if number else changes.coordinator) if changes else None
        # An index that is missing is built on the coordinator, and handed on to shards.
        hands_on = node == coordinator and _is_distributed(coordinator)
        migrated = migrate.apply(node if hands_on else _alone(node), directory, copy)
        done.append(f"node {number}: {'migrated' if migrated else 'up to date'}")
    if changes and (after := _count(coordinator)) != before:
        raise DistributionRefused(f"of {before} records {after} are in the shards after the change")
    return done


def _restore_functions(node: str, directory: Path) -> None:
    """Give the functions of db/functions their own text again: that of db/citus may be another than the last time."""
    with _connection(_alone(node)) as connection, connection.transaction():
        _apply(connection, "owner.sql")
        for path in fingerprints(directory):
            if path.startswith("functions/"):
                connection.execute((directory / path).read_bytes())


def _count(url: str) -> int:
    with _connection(url) as coordinator:
        (row,) = coordinator.execute(_text("count.sql")).fetchall()
        return int(row["records"])


def _refuse_an_owner_that_is_kept_out(url: str) -> None:
    """Raise DistributionRefused when the owner of the functions cannot go from the coordinator to every worker."""
    with _connection(url) as coordinator, coordinator.transaction():
        _apply(coordinator, "owner.sql")
        for row in coordinator.execute(_text("reach.sql")).fetchall():
            if not row["reached"]:
                raise DistributionRefused(
                    f"audit_owner cannot log in at {row['nodename']}:{row['nodeport']}: let the nodes in as audit_owner"
                    " and audit_keeper, in pg_hba.conf of each node"
                )


def _give_secrets(coordinator: Connection[dict[str, Any]], workers: list[str]) -> None:
    """Give each worker the coordinator's secrets, as that has them in this transaction, in place of its own."""
    _apply(coordinator, "owner.sql")
    secrets = coordinator.execute(_text("secrets.sql")).fetchall()
    for worker in workers:
        with _connection(worker) as connection, connection.transaction():
            _apply(connection, "owner.sql")
            _apply(connection, "forget_secrets.sql")
            for secret in secrets:
                connection.execute(_text("take_secret.sql"), secret)


def _apply_as_owner(node: str, name: str) -> None:
    with _connection(_alone(node)) as connection, connection.transaction():
        _apply(connection, "owner.sql")
        _apply(connection, name)


def _text(name: str) -> bytes:
    return (_FILES / name).read_bytes()


def _apply(connection: Connection[dict[str, Any]], name: str) -> None:
    connection.execute(_text(name))


@contextmanager
def _connection(url: str) -> Iterator[Connection[dict[str, Any]]]:
    name = "ringfence distribute"
    with psycopg.connect(url, row_factory=dict_row, autocommit=True, application_name=name) as connection:
        yield connection


def _alone(url: str) -> str:
    """Return the URL for sessions whose work on this node is not handed on to the others."""
    return make_conninfo(url, options="-c citus.enable_ddl_propagation=off -c citus.enable_metadata_sync=off")


def main() -> int:
    """Run the command; return its exit status: 0, or 1 with the reason in one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m app.distribute", description=__doc__.split("\n", 1)[0])
    parser.add_argument("command", nargs="?", choices=["apply", "rotate-secret"], default="apply")
    command = parser.parse_args().command
    try:
        url = database_url.from_environment("MIGRATION_DATABASE_URL", "the coordinator's database, as a superuser")
        if command == "apply":
            lines = distribute(url, _shards())
        else:
            rotate_secret(url)
            lines = ["every node has a new secret; the one before still checks for 30 seconds"]
    except database_url.BadDatabaseUrl as error:
        print(error, file=sys.stderr)
        return 1
    except (DistributionRefused, *migrate.NOTHING_APPLIED) as error:
        print(f"the cluster is not as asked: {printable(database_url.one_line(error))}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    return 0


def _shards() -> int:
    shards = os.environ.get("SHARDS") or "32"
    if not (shards.isascii() and shards.isdigit() and 1 <= int(shards) <= MAX_SHARDS):
        raise DistributionRefused(f"SHARDS is a number from 1 to {MAX_SHARDS}")
    return int(shards)


if __name__ == "__main__":
    sys.exit(main())

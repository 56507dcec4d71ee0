"""Bring a Citus cluster to this release: `python -m app.distribute`.

Each node is migrated as a single server is (app/migrate.py), and then gets what differs on Citus: the files of
db/citus, each with its reason in its head. The coordinator's records move into shards, one tenant to a shard. Running
it again changes nothing; it is run again after each release, after a rotation of the proof's secret, and after shards
were moved, which have no privileges until then.

MIGRATION_DATABASE_URL names the coordinator's database and a superuser, who must be able to connect with the same
user, password and database to every worker, by the names in pg_dist_node. SHARDS, 32 unless set, is how many shards a
new cluster gets.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from app import database_url, migrate
from app.release import DATABASE_DIRECTORY
from app.terminal_text import printable

FEWEST_WORKERS = 2
_FILES = DATABASE_DIRECTORY / "citus"


class DistributionRefused(Exception):
    """The cluster cannot be brought to this release; the message says why."""


def distribute(url: str, shards: int) -> list[str]:
    """Bring the coordinator that `url` names and all its workers to this release; return what was done, in words.

    Raises DistributionRefused before anything has changed. Raises what app.migrate.apply() raises, or psycopg.Error;
    nodes that came before may have been changed by then, and it can be run again.
    """
    workers = _workers(url)
    with _connection(url) as coordinator, coordinator.transaction():
        coordinator.execute((DATABASE_DIRECTORY / "bootstrap" / "roles.sql").read_bytes())
        _apply(coordinator, "logins.sql")
    done = []
    nodes = [url, *workers]
    for number, node in enumerate(nodes):
        migrated = migrate.apply(_alone(node))
        done.append(f"node {number}: {'migrated' if migrated else 'up to date'}")
    secrets = _secrets(url)
    for worker in workers:
        _give_secrets(worker, secrets)
    for node in nodes:
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
        for name in ("policies.sql", "tables.sql", "owner_appends.sql"):
            _apply(coordinator, name)
    # Over connections of its own, which would not see a table that is not committed. Until then nothing opens a shard.
    with _connection(url) as coordinator, coordinator.transaction():
        _apply(coordinator, "owner.sql")
        _apply(coordinator, "shard_privileges.sql")
    for worker in workers:
        with _connection(_alone(worker)) as connection, connection.transaction():
            _apply(connection, "owner.sql")
            _apply(connection, "worker_privileges.sql")
    return done


def _workers(url: str) -> list[str]:
    """Return the workers' URLs. Raises DistributionRefused."""
    with _connection(url) as coordinator:
        if not coordinator.execute(_text("extension.sql")).fetchall():
            raise DistributionRefused("the database has no extension citus: CREATE EXTENSION citus on every node")
        found = coordinator.execute(_text("nodes.sql")).fetchall()
    workers = [make_conninfo(url, host=row["nodename"], port=row["nodeport"], hostaddr="") for row in found]
    if len(workers) < FEWEST_WORKERS:
        raise DistributionRefused(
            f"the coordinator knows {len(workers)} workers that hold shards, and {FEWEST_WORKERS} are needed:"
            " add them with citus_set_coordinator_host() and citus_add_node()"
        )
    for number, worker in enumerate(workers, 1):
        try:
            with _connection(worker):
                pass
        except psycopg.OperationalError as error:
            raise DistributionRefused(f"worker {number} cannot be reached: {error}") from error
    return workers


def _give_secrets(worker: str, secrets: list[dict[str, Any]]) -> None:
    with _connection(worker) as connection, connection.transaction():
        _apply(connection, "owner.sql")
        _apply(connection, "forget_secrets.sql")
        for secret in secrets:
            connection.execute(_text("take_secret.sql"), secret)


def _secrets(url: str) -> list[dict[str, Any]]:
    with _connection(url) as coordinator, coordinator.transaction():
        _apply(coordinator, "owner.sql")
        return coordinator.execute(_text("secrets.sql")).fetchall()


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
    return make_conninfo(url, options="-c citus.enable_ddl_propagation=off")


def main() -> int:
    """Run the command; return its exit status: 0, or 1 with the reason in one line on stderr."""
    try:
        url = database_url.from_environment("MIGRATION_DATABASE_URL", "the coordinator's database, as a superuser")
        shards = os.environ.get("SHARDS") or "32"
        if not (shards.isascii() and shards.isdigit() and 1 <= int(shards) <= 1024):
            raise DistributionRefused("SHARDS is a number from 1 to 1024")
        lines = distribute(url, int(shards))
    except database_url.BadDatabaseUrl as error:
        print(error, file=sys.stderr)
        return 1
    except (DistributionRefused, *migrate.NOTHING_APPLIED) as error:
        print(f"the cluster was not distributed: {printable(database_url.one_line(error))}", file=sys.stderr)
        return 1
    for line in lines:
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

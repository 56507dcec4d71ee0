"""A server of one's own with a migrated database, in which weakenings are tried: within the transaction of a test file,
so that nothing of them stays, and, where that shows nothing, in a clone that is spoiled for good.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from app import migrate
from app.local.server import PrivateServer
from app.release import DATABASE_DIRECTORY
from tests.mutations import pgtap
from tests.mutations.catalogue import Mutation, SuiteBroken

_TEMPLATE = "migrated"
_TRIES_IN_A_CLONE = 50  # what was undone makes the catalogue grow all the same
_COMMENT_ALL = (Path(__file__).parent / "comment_all.sql").read_bytes()
# What a weakening adds has no comment; what it replaces keeps its own.
_ADDS = re.compile(r"CREATE (?!OR REPLACE)|ADD CONSTRAINT")
_STATE = (Path(__file__).parent / "state.sql").read_bytes()
_END_AT_FIRST_FAILURE = (Path(__file__).parent / "end_at_first_failure.sql").read_bytes()
_CALLED_FUNCTIONS = (Path(__file__).parents[1] / "support" / "called_functions.sql").read_bytes()
_IS_BUSY = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a file of db/tests does on an unweakened database. calls: names of functions of schema audit."""

    is_green: bool
    seconds: float
    calls: frozenset[str]


class Laboratory:
    """One server. Not for two threads at once: roles belong to all of its databases."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._server = PrivateServer(binaries, folder)
        self._psql = self._server.binaries / "psql"
        self._clones = 0
        self._finished = ""
        self._tries = 0
        self._shared = ""

    def open(self) -> None:
        """Start the server and migrate the database that is cloned."""
        # Nothing here outlives the run. Without autovacuum the catalogue changes by weakenings alone.
        # A test that a weakening lets run for ever ends with its psql.
        self._server.start(
            "fsync=off", "full_page_writes=off", "autovacuum=off", "jit=off", "client_connection_check_interval=1s",
            "track_functions=all",
        )  # fmt: skip
        self._administrator = self._connect("postgres")
        self._administrator.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
        migrate.apply(self._server.url("postgres", _TEMPLATE))
        with self._connect(_TEMPLATE) as template:
            template.execute(
                "CREATE SCHEMA tap; CREATE EXTENSION pgtap SCHEMA tap; GRANT USAGE ON SCHEMA tap TO PUBLIC"
            )
            template.execute(_END_AT_FIRST_FAILURE)
        with self.clone() as url, psycopg.connect(url) as connection:
            self._intact = _state(connection)
        self._intact_cluster = _state(self._administrator)[1]

    def close(self) -> None:
        """Stop the server and delete it."""
        self._server.remove()

    def check(self) -> None:
        """Raise SuiteBroken when something of what was tried quickly has stayed: then what went red says nothing."""
        if self._shared:
            with self._connect(self._shared) as connection:
                if _state(connection) != self._intact:
                    raise SuiteBroken(f"tried quickly, and not undone: one of the last {_TRIES_IN_A_CLONE}")

    def quick_catcher(self, mutation: Mutation, files: list[Path]) -> Path | None:
        """Return the first of `files` that notices the weakening within its own transaction, None when none does.

        files: of pgtap.WITHIN_ONE_TRANSACTION. None says little: the weakening may not even be possible there.
        """
        if self._tries % _TRIES_IN_A_CLONE == 0:
            self.check()
            self._drop(self._shared)
            self._shared = self._make()
        self._tries += 1
        url = self._server.url("postgres", self._shared)
        weakening = mutation.weakening
        if _ADDS.search(weakening):
            weakening = f"{weakening}; RESET ROLE; {_COMMENT_ALL.decode()}"
        for file in files:
            green = pgtap.is_green_when(weakening, file, self._psql, url)
            if green is None:
                return None
            if not green:
                return file
        return None

    @contextmanager
    def clone(self) -> Iterator[str]:
        """Make a database like the migrated one and give its URL; it is dropped some time afterwards."""
        name = self._make()
        yield self._server.url("postgres", name)
        # To drop it at once would be to wait for its last session to end.
        self._drop(self._finished)
        self._finished = name

    def observe(self, file: Path) -> Observed:
        """Run a file of db/tests on an unweakened database."""
        with self.clone() as url:
            started = time.monotonic()
            is_green = pgtap.is_green(file, self._psql, url)
            seconds = time.monotonic() - started
            with psycopg.connect(url, autocommit=True) as connection:
                # A session counts its calls at its end.
                while connection.execute(_IS_BUSY).fetchone() is not None:
                    time.sleep(0.01)
                calls = connection.execute(_CALLED_FUNCTIONS).fetchall()
        return Observed(is_green, seconds, frozenset(re.split(r"[.(]", name)[1] for name, count in calls if count))

    def catcher(self, mutation: Mutation, files: list[Path]) -> Path | None:
        """Weaken a clone and return the first of `files` that notices, None when all of them pass.

        Raises SuiteBroken when the weakening cannot be applied, changes nothing, or cannot be undone.
        """
        with self.clone() as url:
            try:
                with psycopg.connect(url, autocommit=True) as connection:
                    try:
                        connection.execute(mutation.weakening.encode())
                    except psycopg.Error as error:
                        raise SuiteBroken(f"cannot be applied: {mutation.name}: {error}") from error
                    connection.execute("RESET ROLE")
                    if _state(connection) == self._intact:
                        raise SuiteBroken(f"changes nothing: {mutation.name}")
                    connection.execute(_COMMENT_ALL)
                return pgtap.first_red(files, self._psql, url)
            finally:
                self._undo(mutation)

    def _make(self) -> str:
        self._clones += 1
        name = f"clone_{self._clones}"
        self._administrator.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy".encode())
        with self._connect(name) as connection:
            # The privileges on a database are not cloned with it.
            connection.execute((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_bytes())
        return name

    def _drop(self, name: str) -> None:
        if name:
            self._administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _undo(self, mutation: Mutation) -> None:
        if mutation.undo:
            self._administrator.execute(mutation.undo.encode())
        if _state(self._administrator)[1] != self._intact_cluster:
            raise SuiteBroken(f"is not undone: {mutation.name}")

    def _connect(self, database: str) -> Connection[Any]:
        return psycopg.connect(self._server.url("postgres", database), autocommit=True)


def _state(connection: Connection[Any]) -> tuple[str, str]:
    row: tuple[str, str] | None = connection.execute(_STATE).fetchone()
    assert row is not None
    return row

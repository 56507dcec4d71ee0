"""Work of one tenant that lasts until the test ends it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.conftest import TestDatabase

_LOCK = 4711


@contextmanager
def held_up(database: TestDatabase, function: str, tenant: str) -> Iterator[psycopg.Connection]:
    """Have `function` of schema audit blocked, for `tenant` alone, until the block ends; yield what holds the lock."""
    ((definition,),) = database.execute(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'audit'::regnamespace AND proname = %s",
        function,
    )
    wait = (
        f"BEGIN\n    IF current_setting('app.tenant_id', true) = '{tenant}' THEN"
        f" PERFORM pg_advisory_xact_lock_shared({_LOCK}); END IF;\n"
    )
    database.execute(definition.replace("BEGIN\n", wait, 1))
    with psycopg.connect(database.url("postgres")) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        yield elsewhere
        elsewhere.rollback()


def blocked(database: TestDatabase) -> int:
    """Return how many calls it blocks."""
    ((count,),) = database.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return int(count)

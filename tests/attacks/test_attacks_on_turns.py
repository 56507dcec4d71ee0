"""One tenant that keeps retention from the others: by a tree that was changed, by records that are held."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import CreateRole, TestDatabase
from tests.support.old_records import set_terms, stored, write
from tests.support.sealing import seal

DUE = 5_001  # one more than a batch


@pytest.fixture
def retention(database: TestDatabase, create_role: CreateRole) -> Iterator[Connection]:
    url = database.url(create_role(member_of=("audit_retention",)))
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def prune(retention: Connection[tuple[int, bool]]) -> int:
    """Prune as a job does, with little time for a call, until a call is done; return how many records that were."""
    total = 0
    for _ in range(500):  # on a busy machine few calls come to their second tenant within a millisecond
        ((pruned, is_done),) = retention.execute("SELECT * FROM audit.prune_records(1)").fetchall()
        total += pruned
        if is_done:
            return total
    raise AssertionError("never done")


@pytest.fixture
def both(database: TestDatabase) -> TestDatabase:
    """Two tenants with records that are due: acme, whose turn is first, and globex."""
    for tenant in ("acme", "globex"):
        set_terms(database, 200, tenant=tenant)
        write(database, "201 days", tenant=tenant, count=DUE, trace_id=tenant)
    return database


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit.trees SET root = sha256('changed') WHERE tenant_id = 'acme'",
        # Stands for all that shows at the end alone, when the time is used up.
        "ALTER TABLE audit.admin_events ADD CHECK (tenant_id <> 'acme' OR act <> 'records pruned')",
    ],
)
def test_a_tenant_that_fails_costs_the_others_nothing(both: TestDatabase, retention: Connection, change: str) -> None:
    seal(both)
    both.execute(change)
    assert prune(retention) == DUE
    assert (len(stored(both)), len(stored(both, "globex"))) == (DUE, 0)


def test_records_that_are_held_cost_the_others_nothing(both: TestDatabase, retention: Connection) -> None:
    free = write(both, "201 days", trace_id="free", count=3)
    both.execute("SELECT audit.place_hold('acme', 'a case', '1', p_trace_id => 'acme')")
    seal(both)
    assert prune(retention) == DUE + len(free)
    assert (len(stored(both)), len(stored(both, "globex"))) == (DUE, 0)

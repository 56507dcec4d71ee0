"""What audit.seal_records() tells its caller about a tree that contradicts itself: a warning on each call, no error."""

import asyncio
from collections.abc import Callable

import psycopg
import pytest
from psycopg import Connection

from app.services.db import Database
from app.services.postgres.sealer import Sealer
from app.telemetry import metrics
from tests.conftest import CreateRole, TestDatabase
from tests.support.polling import eventually
from tests.support.sealing import seal

SEAL = "SELECT audit.seal_records()"
Told = list[tuple[str | None, str | None, str | None]]


def write(database: TestDatabase, tenant: str) -> None:
    with psycopg.connect(database.url()) as connection:
        connection.execute("SELECT audit.set_tenant(%s)", [tenant])
        connection.execute(
            "SELECT audit.insert_audit_log(p_agent_id => 'kyc', p_mode => 'DRY_RUN', p_status => 'success')"
        )


def leaves(database: TestDatabase, tenant: str) -> int:
    ((count,),) = database.execute("SELECT count(*) FROM audit.seals WHERE tenant_id = %s", tenant)
    return int(count)


@pytest.fixture
def broken(database: TestDatabase) -> TestDatabase:
    """The tree of acme is changed, and acme has another record."""
    write(database, "acme")
    seal(database)
    database.execute("UPDATE audit.trees SET root = sha256('') WHERE tenant_id = 'acme'")
    write(database, "acme")
    return database


@pytest.fixture
def login(broken: TestDatabase, create_role: CreateRole) -> Callable[[str], Connection[tuple[object, ...]]]:
    """Connect as a member of audit_sealer, or else as this role."""

    def connect(role: str) -> Connection[tuple[object, ...]]:
        user = create_role(member_of=(role,)) if role == "audit_sealer" else role
        return psycopg.connect(broken.url(user), autocommit=True)

    return connect


@pytest.mark.parametrize(
    ("role", "message"),
    [("audit_app", "a tree could not be sealed"), ("audit_sealer", "acme: the tree contradicts itself")],
)
@pytest.mark.parametrize("quiet", ["warning", "error"])
def test_each_call_warns_of_a_broken_tree_while_others_are_sealed(
    broken: TestDatabase,
    login: Callable[[str], Connection[tuple[object, ...]]],
    role: str,
    message: str,
    quiet: str,
) -> None:
    told: Told = []
    with login(role) as connection:
        connection.add_notice_handler(
            lambda found: told.append((found.severity_nonlocalized, found.sqlstate, found.message_primary))
        )
        connection.execute("SELECT set_config('client_min_messages', %s, false)", [quiet])

        def is_heard(count: int) -> bool:
            told.clear()
            connection.execute(SEAL)
            return told == [("WARNING", "RF009", message)] and leaves(broken, "globex") == count

        for count in (1, 2):
            write(broken, "globex")
            eventually(lambda count=count: is_heard(count))  # type: ignore[misc]
        eventually(lambda: is_heard(2))  # also where nothing else is due
    assert leaves(broken, "acme") == 1


def test_the_service_counts_a_broken_tree_in_the_call_that_seals_others(broken: TestDatabase) -> None:
    def counted(outcome: str) -> float:
        return float(metrics.SEAL_CALLS.labels(outcome)._value.get())

    async def changes_of_the_call_that_seals() -> dict[str, float]:
        had = leaves(broken, "globex")
        sealer = Sealer(Database(broken.url(), pool_size=1, pool_timeout=1.0).connect, lambda: True)
        try:
            async with asyncio.timeout(30):
                while leaves(broken, "globex") == had:  # others' transactions may hold it up
                    before = {outcome: counted(outcome) for outcome in ("contradiction", "done", "failed")}
                    await sealer._seal()
                    await asyncio.sleep(0.05)
        finally:
            await sealer._disconnect()
        return {outcome: counted(outcome) - count for outcome, count in before.items()}

    found = []
    for _ in range(5):  # a service of another test may count a call of its own at the same moment
        write(broken, "globex")
        found.append(asyncio.run(changes_of_the_call_that_seals()))
        if found[-1] == {"contradiction": 1, "done": 0, "failed": 0}:
            break
    assert found[-1] == {"contradiction": 1, "done": 0, "failed": 0}, found
    assert leaves(broken, "acme") == 1

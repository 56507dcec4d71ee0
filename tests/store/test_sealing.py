"""Sealing beside writers, and through crashes: no record without a leaf, none with two, and all in one order."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest

from tests.support.polling import eventually
from tests.support.sealing_server import GATEWAY, SEAL, SEALER, SealingServer, sealing_server

TENANTS = ("acme", "globex", "initech")
INSERT = (
    "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, user_id)"
    " SELECT gen_random_uuid(), %s, 'agent', 'jane' FROM generate_series(1, %s)"
)


@pytest.fixture
def server() -> Iterator[SealingServer]:
    with sealing_server(*TENANTS) as server:
        yield server


@contextmanager
def running(work: Callable[[], None], count: int) -> Iterator[None]:
    """Run `work` in so many threads until the block ends; fail when one of them fails."""
    stopped = threading.Event()

    def until_stopped() -> None:
        while not stopped.is_set():
            work()

    with ThreadPoolExecutor(count) as pool:
        runs = [pool.submit(until_stopped) for _ in range(count)]
        try:
            yield
        finally:
            stopped.set()
        for run in runs:
            run.result()


def write(server: SealingServer, seed: int, transactions: int) -> None:
    """Write as services do: short and long transactions, savepoints, bulk, and some that are rolled back."""
    choose = random.Random(seed)
    with server.connect(GATEWAY) as writer:
        for _ in range(transactions):
            tenant = choose.choice(TENANTS)
            with suppress(ZeroDivisionError), writer.transaction():
                writer.execute("SELECT audit.set_tenant(p_tenant_id => %s)", [tenant])
                writer.execute(INSERT, [tenant, choose.choice((1, 1, 1, 3, 200))])
                with suppress(ZeroDivisionError), writer.transaction():
                    writer.execute(INSERT, [tenant, 2])
                    if choose.random() < 0.3:
                        raise ZeroDivisionError
                writer.execute(INSERT, [tenant, 1])
                if choose.random() < 0.2:
                    raise ZeroDivisionError


def test_twelve_writers_and_two_sealers_miss_and_double_no_record(server: SealingServer) -> None:
    def seal() -> None:
        with server.connect(SEALER) as sealer:
            sealer.execute(SEAL, [20])

    with running(seal, 2), ThreadPoolExecutor(12) as writers:
        for written in [writers.submit(write, server, seed, 60) for seed in range(12)]:
            written.result()
    server.seal()
    assert sum(server.check().values()) > 1000


def test_killed_while_it_seals_it_goes_on_where_it_was(server: SealingServer) -> None:
    with server.connect() as superuser:
        for tenant in TENANTS:
            superuser.execute(INSERT, [tenant, 15_000])

    def seal() -> None:
        with suppress(psycopg.OperationalError), server.connect(SEALER) as sealer:
            while sealer.execute(SEAL, [1]).fetchone() != (0,):
                pass

    sizes = [0]
    for _ in range(3):
        sealing = threading.Thread(target=seal)
        sealing.start()

        def has_grown(before: int = sizes[-1]) -> bool:
            with server.connect() as superuser:
                return superuser.execute(
                    "SELECT coalesce(sum(size), 0) > %s FROM audit.trees", [before]
                ).fetchone() == (True,)

        eventually(has_grown)
        server.cluster.kill()
        sealing.join()
        server.start()
        with server.connect() as superuser:
            ((size,),) = superuser.execute("SELECT sum(size)::int FROM audit.trees").fetchall()
            assert superuser.execute("SELECT count(*) FROM audit.seals").fetchall() == [(size,)]
            assert superuser.execute("SELECT count(DISTINCT record_id) FROM audit.seals").fetchall() == [(size,)]
        assert size > sizes[-1]
        sizes.append(size)
    server.seal()
    assert server.check() == dict.fromkeys(TENANTS, 15_000)


def test_a_caller_that_leaves_its_transaction_open_holds_up_no_other_tenant(server: SealingServer) -> None:
    with server.connect() as superuser, server.connect(GATEWAY) as idle, server.connect(SEALER) as sealer:
        for tenant in TENANTS[:2]:
            superuser.execute(INSERT, [tenant, 1])
        sealer.execute(SEAL, [1000])
        superuser.execute(INSERT, ["acme", 1])  # due in a tree that is there
        idle.execute("BEGIN")
        assert idle.execute(SEAL, [1000]).fetchone() == (None,)
        superuser.execute(INSERT, ["initech", 1])
        # acme's tree is locked by the open transaction, whose number holds the other record back.
        assert sealer.execute(SEAL, [1000]).fetchone() == (0,)
        idle.execute("ROLLBACK")
        assert sealer.execute(SEAL, [1000]).fetchone() == (2,)
    assert server.check() == {"acme": 2, "globex": 1, "initech": 1}


def test_trees_that_another_worker_has_locked_are_passed_over(server: SealingServer) -> None:
    with server.connect() as superuser, server.connect() as other, server.connect(SEALER) as sealer:
        for tenant in TENANTS:
            superuser.execute(INSERT, [tenant, 1])
        sealer.execute(SEAL, [1000])
        for tenant in TENANTS:
            superuser.execute(INSERT, [tenant, 1])
        other.execute("BEGIN")
        other.execute("SELECT FROM audit.trees WHERE tenant_id = 'acme' FOR UPDATE")
        assert sealer.execute(SEAL, [1000]).fetchone() == (2,)
        other.execute("ROLLBACK")
        assert sealer.execute(SEAL, [1000]).fetchone() == (1,)

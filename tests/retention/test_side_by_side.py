"""Two prune jobs, an erasure, a sealer and writers beside each other: nothing is lost, doubled or deadlocked."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.retention import books
from tests.support.keeping import ERASER, RETENTION, keeping
from tests.support.polling import eventually
from tests.support.sealing_server import GATEWAY, REGISTRAR, SEAL, SEALER

TENANTS = ("acme", "globex", "initech")
_OLD = """
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, user_id, error, created_at)
SELECT audit.uuid_v7(), %s, 'agent', CASE n %% 3 WHEN 0 THEN 'DRY_RUN' WHEN 1 THEN 'LIVE' END, 'success',
       'user-' || n %% 10, 'none', now() - interval '400 days' + n * interval '1 second'
FROM generate_series(1, 500) AS n
"""
_YOUNG = (
    "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, user_id)"
    " SELECT gen_random_uuid(), %s, 'agent', 'LIVE', 'success', 'user-3' FROM generate_series(1, 20)"
)


@contextmanager
def running(*work: Callable[[], None]) -> Iterator[None]:
    """Do all of this again and again until the block ends; fail when one of them fails."""
    stopped = threading.Event()

    def until_stopped(each: Callable[[], None]) -> None:
        while not stopped.is_set():
            each()

    with ThreadPoolExecutor(len(work)) as pool:
        runs = [pool.submit(until_stopped, each) for each in work]
        try:
            yield
        finally:
            stopped.set()
        for run in runs:
            run.result()


def test_jobs_a_sealer_and_writers_lose_and_double_nothing() -> None:
    with keeping(*TENANTS) as at:
        for tenant in TENANTS:
            at.administer("SELECT audit.set_retention(%s, 200, 200)", tenant)
        at.administer("SELECT audit.place_hold('globex', 'a court asks', 'case 1', p_user_id => 'user-5')")

        def seal() -> None:
            with at.server.connect(SEALER) as sealer:
                sealer.execute(SEAL, [50])

        def prune() -> None:
            with at.server.connect(RETENTION) as job:
                job.execute("SELECT audit.prune_records(50)")

        def erase() -> None:
            with at.server.connect(ERASER) as job:
                job.execute("SELECT audit.erase_user('acme', 'user-3', 'request', 50)")

        def hold() -> None:
            held = at.administer("SELECT audit.place_hold('initech', 'a court asks', 'case 2', p_user_id => 'user-7')")
            at.administer("SELECT audit.release_hold(%s, 'closed')", held)

        def write(tenant: str) -> int:
            with at.server.connect() as importer, at.server.connect(GATEWAY) as writer:
                for _ in range(10):
                    importer.execute(_OLD.encode(), [tenant])
                    with writer.transaction():
                        writer.execute("SELECT audit.set_tenant(p_tenant_id => %s)", [tenant])
                        writer.execute(_YOUNG, [tenant])
            return 10 * 520

        with running(seal, prune, prune, erase, hold), ThreadPoolExecutor(len(TENANTS)) as writers:
            written = sum(writers.map(write, TENANTS))
        at.server.seal()
        # Together: nobody may take what the other one has.
        with ThreadPoolExecutor(2) as jobs:
            list(jobs.map(at.prune, [20, 20]))
        books.check(at, written)
        # All that is old has gone, but for what is held.
        old = "SELECT count(*) FROM audit.audit_logs WHERE created_at < now() - interval '200 days'"
        assert at.count(old) == at.count(f"{old} AND tenant_id = 'globex' AND user_id = 'user-5'") == 500
        assert at.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
        books.check_evidence(at)


def test_a_job_passes_over_the_tenant_at_which_another_one_is() -> None:
    with keeping("acme", "globex") as at:
        for tenant in ("acme", "globex"):
            at.administer("SELECT audit.set_retention(%s, 200, 200)", tenant)
            at.query(_OLD, tenant)
        at.server.seal()
        with at.server.connect() as first, at.server.connect(RETENTION) as second:
            first.execute("BEGIN")
            first.execute("SELECT FROM audit.trees WHERE tenant_id = 'acme' FOR UPDATE")
            assert second.execute("SELECT * FROM audit.prune_records(10000)").fetchone() == (500, None)
            first.execute("ROLLBACK")
            assert second.execute("SELECT * FROM audit.prune_records(10000)").fetchone() == (500, True)
        books.check(at, 1000)


@pytest.mark.parametrize(
    "keep",
    [
        "SELECT audit.erase_user('acme', 'user-3', 'request 1')",
        "SELECT audit.place_hold('acme', 'a court asks', 'case 1', p_user_id => 'user-3')",
    ],
)
def test_a_tenant_of_which_nothing_is_sealed_stays_so_until_its_erasure_or_hold_has_ended(keep: str) -> None:
    with keeping("acme", "globex") as at:
        for tenant in ("acme", "globex"):
            at.query(_OLD, tenant)
        login = ERASER if "erase" in keep else REGISTRAR
        with at.server.connect(login) as first, at.server.connect(SEALER) as sealer:
            first.execute("BEGIN")
            first.execute(keep.encode())

            def sealed() -> list[tuple[object, ...]]:
                sealer.execute(SEAL, [50])
                return at.query("SELECT DISTINCT tenant_id FROM audit.seals")

            # Another transaction that happens to run, as one of autovacuum, holds sealing up.
            assert eventually(sealed) == [("globex",)]
            first.execute("COMMIT")
        at.server.seal()
        assert at.count("SELECT count(*) FROM audit.seals") == 2 * 500


def test_a_writer_does_not_wait_for_a_prune_that_is_under_way() -> None:
    with keeping("acme") as at:
        at.administer("SELECT audit.set_retention('acme', 200, 200)")
        at.query(_OLD, "acme")
        at.server.seal()
        with at.server.connect(RETENTION) as job, at.server.connect(GATEWAY) as writer:
            job.execute("BEGIN")
            assert job.execute("SELECT pruned FROM audit.prune_records(10000)").fetchone() == (500,)
            writer.execute("SET lock_timeout = '1s'")
            with writer.transaction():
                writer.execute("SELECT audit.set_tenant(p_tenant_id => 'acme')")
                writer.execute(_YOUNG, ["acme"])
            job.execute("COMMIT")
        at.server.seal()
        books.check(at, 520)

"""The faults. Each happens under load; the laboratory waits for the recovery, and the ledger is judged afterwards."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import psycopg

from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.chaos.laboratory import DATABASE
from tests.chaos.laboratory import Laboratory as LaboratoryOf
from tests.chaos.ledger import Answer, now
from tests.chaos.pooler import Pooler
from tests.support.calls import bearer
from tests.support.lossy_proxy import lossy_proxy
from tests.support.polling import eventually

Laboratory = LaboratoryOf[Cluster]
FAULTS: dict[str, Callable[[Laboratory], None]] = {}
_MAX_SECONDS_TO_STOP = 30.0


def fault(name: str) -> Callable[[Callable[[Laboratory], None]], Callable[[Laboratory], None]]:
    """Register a fault under the name that the report gives it."""

    def register(happen: Callable[[Laboratory], None]) -> Callable[[Laboratory], None]:
        FAULTS[name] = happen
        return happen

    return register


@fault("PostgreSQL stopped fast, started again")
def stopped_fast(lab: Laboratory) -> None:
    with lab.under_load():
        lab.cluster.stop_by("fast")
        lab.wait_for(Answer.SPOOLED)
        _reads_are_refused(lab)
        lab.cluster.start()


@fault("PostgreSQL stopped immediately, started again")
def stopped_immediately(lab: Laboratory) -> None:
    with lab.under_load():
        lab.cluster.stop_by("immediate")
        lab.wait_for(Answer.SPOOLED)
        lab.cluster.start()


@fault("PostgreSQL killed (SIGKILL), recovered from its log")
def killed(lab: Laboratory) -> None:
    with lab.under_load():
        lab.cluster.kill()
        lab.wait_for(Answer.SPOOLED)
        lab.cluster.start()


@fault("PostgreSQL restarted three times on end")
def restarted(lab: Laboratory) -> None:
    with lab.under_load():
        for mode in ("fast", "immediate", "fast"):
            lab.cluster.stop_by(mode)
            lab.cluster.start()


@fault("Sessions of the service ended, again and again")
def sessions_ended(lab: Laboratory) -> None:
    with lab.under_load():
        until = time.monotonic() + lab.seconds
        while time.monotonic() < until:
            lab.cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'audit_app'")
            time.sleep(0.05)


@fault("The table locked by somebody else")
def locked(lab: Laboratory) -> None:
    with lab.under_load(), psycopg.connect(lab.cluster.url("postgres", DATABASE)) as elsewhere:
        elsewhere.execute("LOCK TABLE audit.audit_logs IN ACCESS EXCLUSIVE MODE")
        lab.wait_for(Answer.REFUSED)
        time.sleep(lab.seconds)
        elsewhere.rollback()


@fault("PostgreSQL frozen: it neither answers nor dies")
def frozen(lab: Laboratory) -> None:
    with lab.under_load():
        with lab.cluster.frozen():
            lab.wait_for(Answer.SPOOLED)
        # What it had received before it froze it goes on with, and writes at its own time.
        assert lab.load
        lab.load.ledger.late_until = now() + timedelta(seconds=10)


@fault("Connections cut in the middle of commits")
def cut(lab: Laboratory) -> None:
    with lossy_proxy(f"{lab.cluster.socket_folder}/.s.PGSQL.5432") as proxy:
        with _another_way(lab, f"postgresql://audit_app@127.0.0.1:{proxy.port}/{DATABASE}"), lab.under_load():
            until = time.monotonic() + lab.seconds * 2
            while time.monotonic() < until:
                proxy.lose = b"COMMIT\0"
                time.sleep(0.03)
            proxy.lose = None
        assert proxy.lost > 3, "no connection was cut"


@fault("The spool's disk full while the database is unavailable")
def spool_full(lab: Laboratory) -> None:
    with lab.under_load(), _little_room(lab):
        lab.cluster.stop_by("fast")
        eventually(lambda: _is_refused(lab), within=120)
        assert lab.load
        assert lab.load.seen[Answer.SPOOLED], "nothing went to the spool before it was full"
        lab.cluster.start()
        lab.recover()


@fault("A worker of two killed (SIGKILL)")
def worker_killed(lab: Laboratory) -> None:
    lab.service.stop()
    lab.service.start(workers=2)
    with lab.under_load():
        lab.service.kill_worker()
    lab.service.stop()
    lab.service.start()


@fault("The service killed (SIGKILL) while records are spooled, started again")
def service_killed(lab: Laboratory) -> None:
    with lab.under_load():
        lab.cluster.stop_by("immediate")
        lab.wait_for(Answer.SPOOLED)
        lab.service.kill()
        lab.cluster.start()
        lab.service.start()


@fault("The service killed in the middle of a replay, twice")
def replay_killed(lab: Laboratory) -> None:
    with lab.under_load():
        lab.cluster.stop_by("fast")
        lab.wait_for(Answer.SPOOLED, 600)
        lab.service.kill()
        lab.cluster.start()
        for _ in range(2):
            lab.service.start()
            lab.service.kill()
        lab.service.start()


@fault("SIGTERM in full flight, started again")
def terminated(lab: Laboratory) -> None:
    with lab.under_load():
        seconds = lab.service.terminate()
        assert seconds < _MAX_SECONDS_TO_STOP, f"it took {seconds:.0f} seconds to stop"
        lab.service.start()


@fault("Through pgbouncer in transaction mode; sessions ended, pgbouncer killed")
def through_a_pooler(lab: Laboratory) -> None:
    pooler = Pooler(lab.cluster, lab.folder / "pgbouncer")
    pooler.start()
    try:
        with _another_way(lab, pooler.url(DATABASE)), lab.under_load():
            lab.cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'audit_app'")
            lab.wait_for(Answer.ACKNOWLEDGED)
            pooler.kill()
            lab.wait_for(Answer.SPOOLED)
            pooler.start()
    finally:
        pooler.remove()


# The last: the laboratory goes on with the replica.
@fault("The primary killed, its synchronous replica promoted")
def failed_over(lab: Laboratory) -> None:
    primary, replica = lab.cluster, Cluster(wheel_binaries(), lab.folder / "replica")
    replica.follow(primary)
    hosts = f"{primary.socket_folder},{replica.socket_folder}"
    lab.service.stop()
    lab.service.settings["database_url"] = (
        f"postgresql://audit_app@/{DATABASE}?host={hosts}&port=5432,5432&target_session_attrs=read-write"
    )
    lab.service.start()
    with lab.under_load():
        primary.kill()
        lab.wait_for(Answer.SPOOLED)
        lab.cluster = replica
        replica.promote()
    primary.remove()


@contextmanager
def _another_way(lab: Laboratory, database_url: str) -> Iterator[None]:
    """Let the service reach its database by another URL meanwhile."""
    direct = lab.service.settings["database_url"]
    for url in (database_url, direct):
        lab.service.stop()
        lab.service.settings["database_url"] = url
        lab.service.start()
        if url is database_url:
            yield


@contextmanager
def _little_room(lab: Laboratory) -> Iterator[None]:
    """Give the spool a disk of 5 MiB, of which it leaves 4 free; where nothing may be mounted, files of 2 MiB."""
    spool = str(lab.service.spool)
    mount = ["mount", "-t", "tmpfs", "-o", "size=5m,mode=0700", "tmpfs", spool]
    # A container may forbid root to mount.
    if os.geteuid() == 0 and subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode == 0:
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", spool], check=True)
        return
    sizes = resource.prlimit(lab.service.process_id, resource.RLIMIT_FSIZE, (2_097_152, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(lab.service.process_id, resource.RLIMIT_FSIZE, sizes)


def _is_refused(lab: Laboratory) -> bool:
    """Whether a record that the spool takes as long as there is room is refused."""
    answer = httpx.post(
        f"http://127.0.0.1:{lab.service.port}/api/v1/agents/credit-scoring/execute", json={"input": {}},
        headers=bearer(lab.keys["acme"]) | {"X-Trace-ID": "recovered"}, trust_env=False,
    )  # fmt: skip
    return answer.status_code == 503 and "the spool" in answer.json()["detail"]


def _reads_are_refused(lab: Laboratory) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{lab.service.port}/api/v1/audit/logs", headers=bearer(lab.keys["acme"]), trust_env=False
    )
    assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), answer.text

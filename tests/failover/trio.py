"""Three machines under Patroni, which together are one database: what `Laboratory` takes for its cluster."""

import random
from pathlib import Path

import httpx
import psycopg

from app.local.server import wheel_binaries
from tests.failover.machine import PASSWORDS, Machine
from tests.support.polling import eventually

APP_PASSWORD = "of-the-service"
_PASSWORDS = {"postgres": PASSWORDS["PATRONI_SUPERUSER_PASSWORD"], "audit_app": APP_PASSWORD}
_MAX_SECONDS = 120.0


class Trio:
    """Three machines. patroni: the folder of Patroni's programs."""

    def __init__(self, folder: Path, patroni: Path) -> None:
        # Other runs on this machine have other addresses, and all have the ports of the page.
        network = f"127.{random.randrange(1, 255)}.{random.randrange(256)}"
        self.patroni = patroni
        self.machines = [Machine(wheel_binaries(), folder / f"db{n}", patroni, network, n) for n in (1, 2, 3)]

    def start(self, *_: str) -> None:
        """Switch all on, and return when one is the primary and two follow. Settings are those of docs/deploy."""
        for machine in self.machines:
            machine.switch_on()
        self.wait_until_whole()

    def url(self, role: str, database: str = "postgres") -> str:
        """Return the libpq URL of whichever is the primary, as `role`."""
        hosts = ",".join(machine.address for machine in self.machines)
        options = "target_session_attrs=read-write&connect_timeout=2"
        return f"postgresql://{role}:{_PASSWORDS[role]}@{hosts}/{database}?{options}"

    def query(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement on the primary as a superuser; return its rows."""
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str) -> None:
        """Make a database, and return when every standby has it: libpq gives up at a server that lacks it."""
        self.query(f"CREATE DATABASE {name}")
        behind = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_lsn()"
        eventually(lambda: not self.query(behind), within=_MAX_SECONDS)

    def primary(self) -> Machine:
        """Return the machine that holds the lock; wait for one."""
        return self._awaited(None)

    def wait_for_another_than(self, old: Machine) -> Machine:
        """Return the machine that has taken over from `old`."""
        return self._awaited(old)

    def standbys(self) -> tuple[Machine, Machine]:
        """Return the standby that confirms commits, and the other."""
        named = {machine.name: machine for machine in self.machines}
        rows = self.query("SELECT application_name, sync_state FROM pg_stat_replication")
        states = {state: named[str(name)] for name, state in rows}
        return states["sync"], states["async"]

    def wait_until_whole(self) -> None:
        """Return when a primary has two standbys that stream, of which one confirms its commits."""
        wanted = [("async", "streaming"), ("sync", "streaming")]

        def is_whole() -> bool:
            try:
                return (
                    self._holder() is not None
                    and self.query("SELECT sync_state, state FROM pg_stat_replication ORDER BY 1") == wanted
                )
            except psycopg.OperationalError:
                return False

        eventually(is_whole, within=_MAX_SECONDS)

    def remove(self) -> None:
        """Switch all off, and delete what they kept."""
        for machine in self.machines:
            machine.power_off()
            machine.remove()

    def _awaited(self, besides: Machine | None) -> Machine:
        holder = eventually(lambda: self._holder(besides), within=_MAX_SECONDS)
        assert holder
        return holder

    def _holder(self, besides: Machine | None = None) -> Machine | None:
        for machine in self.machines:
            if machine is not besides:
                try:
                    if httpx.get(f"http://{machine.address}:8008/primary", timeout=2, trust_env=False).is_success:
                        return machine
                except httpx.TransportError:
                    continue
        return None

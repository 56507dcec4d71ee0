"""The server dies in the middle of sealing, under load: nothing is lost, nothing doubled, and the evidence holds."""

import threading
from contextlib import suppress

import psycopg

from tests.support.polling import eventually
from tests.tamper.case import control
from tests.tamper.scene import SEALER, SETTINGS, TENANTS, Scene

_KILLS = 4
_IN_THE_MIDDLE = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND usename = '" + SEALER + "'"
    " AND state = 'active' AND backend_xid IS NOT NULL"
)
"""Sealing has begun to write: a backend has a transaction number once it does."""


class _Load:
    """Writers of all tenants, and a sealer without a pause, until the server is gone."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.acknowledged: dict[str, set[str]] = {tenant: set() for tenant in TENANTS}

    def start(self) -> list[threading.Thread]:
        threads = [threading.Thread(target=self._write, args=[tenant]) for tenant in TENANTS]
        threads.append(threading.Thread(target=self._seal))
        for thread in threads:
            thread.start()
        return threads

    def _write(self, tenant: str) -> None:
        with suppress(psycopg.OperationalError):
            while True:
                self.acknowledged[tenant].update(self._scene.write(50, tenant))

    def _seal(self) -> None:
        url = self._scene.cluster.url(SEALER, self._scene.database)
        with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as sealer:
            while True:
                sealer.execute("SELECT audit.seal_records()")


@control("kill the server in the middle of sealing, four times", quick=True)
def killed(scene: Scene) -> None:
    """Kill it as when the machine loses its power, look, and go on."""
    load = _Load(scene)
    for _ in range(_KILLS):
        already = sum(map(len, load.acknowledged.values()))
        threads = load.start()
        eventually(lambda already=already: sum(map(len, load.acknowledged.values())) > already + 300)  # type: ignore[misc]
        eventually(lambda: scene.cluster.query(_IN_THE_MIDDLE.format(scene.database)) != [(0,)])
        scene.cluster.kill()
        for thread in threads:
            thread.join()
        scene.cluster.start(*SETTINGS)
        scene.seal()
        scene.sign()
    for tenant, acknowledged in load.acknowledged.items():
        bundle = scene.export(tenant)
        assert bundle is not None
        scene.verify(bundle, tenant)  # also that no id stands twice
        if lost := acknowledged - scene.sealed_in(bundle):
            scene.note("loss", f"{len(lost)} acknowledged records of {tenant} are lost")

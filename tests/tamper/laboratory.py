"""Where scenes come from: a private PostgreSQL with a database that is written, sealed and signed once, and copied."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import migrate
from app.local.server import wheel_binaries
from app.release import DATABASE_DIRECTORY
from app.sign import files
from app.sign.memory import Memory
from tests.chaos.cluster import Cluster
from tests.support.signing import LOG
from tests.tamper.case import Case
from tests.tamper.scene import ROLES, SETTINGS, TENANTS, Scene

_TEMPLATE = "ringfence"


class Laboratory:
    """folder: where everything is. acme has a checkpoint of its first 400 leaves, and one of 600, kept outside too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cluster = Cluster(wheel_binaries(), folder / "primary")
        self._template = folder / "template"
        self._keys: dict[str, str] = {}
        self._number = 0

    @contextmanager
    def open(self) -> Iterator["Laboratory"]:
        """Set everything up, and take it down again."""
        try:
            self.cluster.start(*SETTINGS)
            self.cluster.query(f"CREATE DATABASE {_TEMPLATE}")
            migrate.apply(self.cluster.url("postgres", _TEMPLATE))
            for role, group in ROLES.items():
                self.cluster.query(f"CREATE ROLE {role} LOGIN IN ROLE {group}")
            for tenant in TENANTS:
                self.cluster.query(f"SELECT audit.create_tenant('{tenant}')", _TEMPLATE)
                ((key,),) = self.cluster.query(f"SELECT audit.issue_api_key('{tenant}', 'tamper')", _TEMPLATE)
                self._keys[tenant] = str(key)
            self._grow()
            yield self
        finally:
            self.cluster.remove()

    def attack(self, case: Case) -> dict[str, str]:
        """Let a case happen on a fresh copy, and everybody look; return who has caught it, and what they say."""
        with self.scene() as scene:
            case.happen(scene)
            scene.judge()
            return scene.found

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        """Yield a fresh copy."""
        self._number += 1
        database, folder = f"scene_{self._number}", self._folder / f"scene-{self._number}"
        folder.mkdir()
        for name in ("signer", "outside"):
            shutil.copytree(self._template / name, folder / name)
        self.cluster.query(f"CREATE DATABASE {database} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        self.cluster.query((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_text(), database)
        scene = Scene(self.cluster, database, folder, self._keys)
        try:
            with scene.callbacks:
                yield scene
        finally:
            self.cluster.query(f"DROP DATABASE {database} WITH (FORCE)")
            shutil.rmtree(folder)

    def _grow(self) -> None:
        self._template.mkdir()
        directory = self._template / "signer"
        files.create(directory, LOG)
        Memory(files.memory_file(directory), create=True).close()
        scene = Scene(self.cluster, _TEMPLATE, self._template, self._keys)
        for records in (400, 200):
            scene.write(records)
            scene.write(records // 10, "globex")
            scene.write(1, "initech")
            scene.seal()
            scene.sign()
        for tenant in TENANTS:
            scene.keep(tenant)
        if scene.found:
            raise RuntimeError(f"nothing has happened yet, and was caught: {scene.found}")

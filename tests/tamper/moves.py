"""Backups, restores and failovers of a scene's database."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.release import DATABASE_DIRECTORY
from tests.chaos.cluster import Cluster
from tests.support.polling import eventually
from tests.tamper.scene import ROLES, Scene


def dump(scene: Scene) -> Path:
    """Back the database up."""
    file = scene.folder / "backup.dump"
    _program(scene, "pg_dump", "--format=custom", f"--file={file}", scene.cluster.url("postgres", scene.database))
    return file


def restore(scene: Scene, backup: Path) -> None:
    """Restore a backup in the place of the database, on the same server."""
    scene.cluster.query(f"DROP DATABASE {scene.database} WITH (FORCE)")
    _restore(scene, backup)


def restore_elsewhere(scene: Scene, backup: Path) -> None:
    """Restore a backup on a new server, where transaction numbers begin anew."""
    scene.cluster = scene.new_server()
    scene.cluster.query((DATABASE_DIRECTORY / "bootstrap" / "roles.sql").read_text())
    for role, group in ROLES.items():
        scene.cluster.query(f"CREATE ROLE {role} LOGIN IN ROLE {group}")
    _restore(scene, backup)


@contextmanager
def lagging_standby(scene: Scene) -> Iterator[None]:
    """Give the server a standby that stops receiving, and is the primary once the block has ended."""
    primary = scene.cluster
    standby = Cluster(primary.binaries, scene.folder / "standby")
    scene.callbacks.callback(standby.remove)
    standby.follow(primary)
    primary.query("ALTER SYSTEM RESET synchronous_standby_names")
    primary.query("SELECT pg_reload_conf()")
    standby.query("ALTER SYSTEM SET primary_conninfo = ''")
    standby.query("SELECT pg_reload_conf()")
    eventually(lambda: not standby.query("SELECT FROM pg_stat_wal_receiver"))
    yield
    standby.promote()
    scene.cluster = standby


def _restore(scene: Scene, backup: Path) -> None:
    scene.cluster.query(f"CREATE DATABASE {scene.database}")
    url = scene.cluster.url("postgres", scene.database)
    _program(scene, "pg_restore", "--exit-on-error", f"--dbname={url}", str(backup))
    scene.cluster.query((DATABASE_DIRECTORY / "bootstrap" / "database.sql").read_text(), scene.database)


def _program(scene: Scene, name: str, *arguments: str) -> None:
    subprocess.run([str(scene.cluster.binaries / name), *arguments], check=True)

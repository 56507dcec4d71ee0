"""pgbouncer, the real one, in transaction mode: every transaction may get another session of the server."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.chaos.cluster import Cluster
from tests.support.polling import eventually

PROGRAM = Path("/usr/sbin/pgbouncer")


def ensure_program() -> None:
    """Install it, as root; as anybody else, exit with the command to run."""
    if PROGRAM.exists():
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", "pgbouncer"]
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(command)}")
    for step in (["apt-get", "update"], command):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, check=True)


class Pooler:
    """A pgbouncer of one cluster, on a Unix socket in `folder`."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o755)
        self._configuration = folder / "pgbouncer.ini"
        self._configure(cluster)
        (folder / "users").write_text('"audit_app" ""\n"postgres" ""\n')
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Return the libpq URL of `database` through it, as the service."""
        return f"postgresql://audit_app@/{database}?host={self._folder}&port=6432"

    def lead_to(self, cluster: Cluster) -> None:
        """Lead to another cluster from the next transaction on; connections to the pooler stay open."""
        self._configure(cluster)
        with psycopg.connect(self._console, autocommit=True) as console:
            console.execute("RELOAD")
            console.execute("RECONNECT")
            console.execute("WAIT_CLOSE")

    @property
    def _console(self) -> str:
        return f"postgresql://postgres@/pgbouncer?host={self._folder}&port=6432"

    def _configure(self, cluster: Cluster) -> None:
        self._configuration.write_text(
            f"[databases]\n* = host={cluster.socket_folder}\n[pgbouncer]\npool_mode = transaction\nlisten_port = 6432\n"
            f"unix_socket_dir = {self._folder}\nunix_socket_mode = 0777\nauth_type = trust\n"
            f"auth_file = {self._folder}/users\nlogfile = {self._folder}/log\npidfile = {self._folder}/pid\n"
            "default_pool_size = 5\nadmin_users = postgres\n"
        )

    def start(self) -> None:
        """Start it, and return when it listens. It does not run as root."""
        user = pwd.getpwnam("embedded_postgres") if os.geteuid() == 0 else None
        if user:
            shutil.chown(self._folder, user.pw_uid, user.pw_gid)
        self._process = subprocess.Popen(
            [str(PROGRAM), str(self._configuration)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=user.pw_uid if user else None, group=user.pw_gid if user else None, extra_groups=[] if user else None,
        )  # fmt: skip
        eventually((self._folder / ".s.PGSQL.6432").exists)

    def kill(self) -> None:
        """Kill it, connections and all."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for left in (".s.PGSQL.6432", "pid"):
            (self._folder / left).unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop it, and delete what it kept."""
        if self._process and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)

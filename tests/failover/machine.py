"""One machine of three: PostgreSQL, Patroni and etcd, on an address of the loopback, with the files of docs/deploy."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from bench.serving import processes_of
from tests.chaos.cluster import Cluster
from tests.failover.programs import ETCD
from tests.support.processes import ROOT

DEPLOY = ROOT / "docs" / "deploy"
PASSWORDS = {
    "PATRONI_SUPERUSER_PASSWORD": "of-the-superuser",
    "PATRONI_REPLICATION_PASSWORD": "of-the-replication",
    "PATRONI_REWIND_PASSWORD": "of-the-rewind",
    "PATRONI_RESTAPI_PASSWORD": "of-the-interface",
}
"""Of servers that only this machine reaches, and that are deleted."""


class Machine(Cluster):
    """A machine. patroni: the folder of its programs. network: of its address, whose last number is 11 and up."""

    def __init__(self, binaries: Path, folder: Path, patroni: Path, network: str, number: int) -> None:
        super().__init__(binaries, folder)
        self.name = f"db{number}"
        self.address = f"{network}.{10 + number}"
        self._network = network
        self._patroni = patroni
        self.configuration = self._folder / "patroni.yml"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for made in (self._folder, self.socket_folder):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._user:
                os.chown(made, self._user.pw_uid, self._user.pw_gid)

    def switch_on(self) -> None:
        """Start etcd and Patroni, which starts PostgreSQL. Returns at once."""
        etcd = dict(
            line.split("=", 1) for line in self._text("etcd.env").splitlines() if line and not line.startswith("#")
        )
        self._processes = {"etcd": self._start([str(ETCD)], etcd, "etcd.log")}
        self.start_patroni()

    def start_patroni(self) -> None:
        """Start Patroni alone; it finds the server that runs."""
        self.configuration.write_text(self._text("patroni.yml"))
        self.configuration.with_suffix(".env").write_text("".join(f"{name}={PASSWORDS[name]}\n" for name in PASSWORDS))
        if self._user:
            os.chown(self.configuration, self._user.pw_uid, self._user.pw_gid)
        command = [str(self._patroni / "patroni"), str(self.configuration)]
        self._processes["patroni"] = self._start(command, PASSWORDS, "patroni.log")

    def power_off(self) -> None:
        """Kill everything on it at once, as when a machine loses its power."""
        for process in self._processes.values():
            process.kill()
            process.wait()
        if (self._data / "postmaster.pid").exists():
            self.kill()

    @contextmanager
    def frozen_patroni(self) -> Iterator[None]:
        """Stop Patroni where it stands, while PostgreSQL goes on."""
        stopped = self._processes["patroni"]
        stopped.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            stopped.send_signal(signal.SIGCONT)

    def kill_postgres(self) -> None:
        """Kill PostgreSQL alone: Patroni sees it."""
        for process in processes_of(self._postmaster):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def started_at(self) -> str | None:
        """Return when PostgreSQL was started, as Patroni says; None while it does not run."""
        try:
            answer = httpx.get(f"http://{self.address}:8008/patroni", timeout=2, trust_env=False)
        except httpx.TransportError:
            return None
        found = answer.json().get("postmaster_start_time")
        return str(found) if found else None

    def printed(self) -> str:
        """Return the end of what Patroni has printed."""
        return (self._folder / "patroni.log").read_text(errors="replace")[-4000:]

    def _text(self, name: str) -> str:
        """Return a file of docs/deploy, as it is on this machine."""
        text = (DEPLOY / name).read_text()
        here = {
            "THIS_NAME": self.name,
            "THIS_ADDRESS": self.address,
            "10.0.0.0/24": "127.0.0.0/8",  # connections within the loopback come from its first address
            "10.0.0.": f"{self._network}.",
            "/usr/lib/postgresql/18/bin": str(self.binaries),
            "/var/lib/postgresql/18/ringfence": str(self._data),
            "/var/lib/postgresql/patroni.pgpass": str(self._folder / "pgpass"),
            "/var/run/postgresql": str(self.socket_folder),
            "/var/lib/etcd/ringfence": str(self._folder / "etcd"),
        }
        for there, value in here.items():
            text = text.replace(there, value)
        return text

    def _start(self, command: list[str], variables: Mapping[str, str], log: str) -> subprocess.Popen[bytes]:
        with (self._folder / log).open("ab") as output:
            return subprocess.Popen(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **variables},
                user=self._user.pw_uid if self._user else None, group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )  # fmt: skip

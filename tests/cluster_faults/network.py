"""A network of two ends, this machine and a namespace of the kernel's, which can be cut as a cable is: silently."""

import ctypes
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNET = 0x40000000


class Network:
    """Two addresses with a cable between them. Needs root, and a container that may make namespaces."""

    def __init__(self) -> None:
        prefix = f"10.{random.randrange(128, 255)}.{random.randrange(256)}"
        self.range = f"{prefix}.0/30"
        self.here, self.there = f"{prefix}.1", f"{prefix}.2"
        self._name = f"ringfence-{os.getpid()}"
        self._ends = f"rf{os.getpid()}a", f"rf{os.getpid()}b"

    @staticmethod
    def refusal() -> str | None:
        """Return why none can be made here; None where one can."""
        if os.geteuid() != 0:
            return "network namespaces need root"
        probe = ["unshare", "--net", "ip", "link", "add", "rfa", "type", "veth", "peer", "name", "rfb"]
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
        return done.stderr.strip() if done.returncode else None

    def lay(self) -> None:
        """Lay the cable."""
        here, there = self._ends
        _ip("netns", "add", self._name)
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", self._name)
        _ip("address", "add", f"{self.here}/30", "dev", here)
        _ip("link", "set", here, "up")
        _ip("-n", self._name, "address", "add", f"{self.there}/30", "dev", there)
        _ip("-n", self._name, "link", "set", "lo", "up")
        self.heal()

    def cut(self) -> None:
        """Cut it: what is sent on either end is lost, and nobody is told."""
        _ip("-n", self._name, "link", "set", self._ends[1], "down")

    def heal(self) -> None:
        """Mend it."""
        _ip("-n", self._name, "link", "set", self._ends[1], "up")

    def remove(self) -> None:
        """Take it away."""
        _ip("link", "delete", self._ends[0])
        _ip("netns", "delete", self._name)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let what this thread starts be at the other end."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(Path("/run/netns") / self._name, os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(home)
            os.close(home)
            os.close(there)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)

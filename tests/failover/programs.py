"""The programs beside PostgreSQL: etcd of Debian, and Patroni in an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

ETCD = Path("/usr/bin/etcd")


def ensure_etcd() -> None:
    """Install it, as root; as anybody else, exit with the command to run."""
    if ETCD.exists():
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", "etcd-server"]
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(command)}")
    for step in (["apt-get", "update"], command):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, check=True)

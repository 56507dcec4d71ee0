"""The programs that make the load, beside pgbench and psql, which come with the server's wheel; and pgaudit."""

import os
import shutil
import subprocess
import sys

from bench.peers import pgaudit

PACKAGES = {"wrk": "wrk", "curl": "curl"}  # program: Debian package


def ensure_programs() -> None:
    """Install what is missing, as root; exit with the command to run, as anybody else."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(_installing(missing))}")
    if not _install(missing):
        sys.exit(f"these packages could not be installed: {', '.join(missing)}")


def ensure_pgaudit() -> None:
    """Install Debian's pgaudit, as root. Without it the benchmark goes on, and says what it skips."""
    if not pgaudit.is_available() and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(["postgresql-15", "postgresql-15-pgaudit"])


def _installing(packages: list[str]) -> list[str]:
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def _install(packages: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], _installing(packages)):
        finished = subprocess.run(
            step, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
    return finished.returncode == 0

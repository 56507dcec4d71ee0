"""The programs that make the load, beside pgbench and psql, which come with the server's wheel."""

import os
import shutil
import subprocess
import sys

PACKAGES = {"wrk": "wrk", "curl": "curl"}  # program: Debian package


def ensure_programs() -> None:
    """Install what is missing, as root; exit with the command to run, as anybody else."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(command)}")
    for step in (["apt-get", "update"], command):
        subprocess.run(
            step, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )

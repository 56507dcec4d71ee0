"""python -m app.admin, run as a process by a login that is a member of audit_admin."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

COMMAND = (sys.executable, "-m", "app.admin")
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}


class Admin(Protocol):
    """Runs the command."""

    def __call__(self, *arguments: str, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Return how it ended. popen: arguments of subprocess.run(), instead of pipes that are read to their end."""


def command_of(database_url: str) -> Admin:
    """Return the command, on this database."""

    def run(*arguments: str, **popen: Any) -> subprocess.CompletedProcess[str]:
        environment = ENVIRONMENT | {"ADMIN_DATABASE_URL": database_url} | popen.pop("env", {})
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | popen
        return subprocess.run([*COMMAND, *arguments], env=environment, text=True, timeout=60, check=False, **streams)

    return run

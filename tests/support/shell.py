"""Runs the commands of a page where an operator would: in a folder of the test's own that looks like the checkout."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.polling import eventually
from tests.support.processes import ROOT

_LINKS = (".venv", "app", "db", "pgmigrate.yml", "Makefile", "agents.example.toml")
# What a target needs is installed; without -o, make would look at the lock files and install it again.
_MAKE = 'make() { command make --no-print-directory -o .venv/service -o .venv/migrate -o .venv/local "$@"; }\n'


class Shell:
    """folder: where commands run. variables: beside those of this process."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        self.variables = variables
        for name in _LINKS:
            (folder / name).symlink_to(ROOT / name)

    def _environment(self) -> dict[str, str]:
        programs = [os.environ.get("POSTGRESQL_BINARIES", ""), str(Path(sys.executable).parent), os.environ["PATH"]]
        return os.environ | {"PATH": os.pathsep.join(programs), "PYTHONPATH": str(self.folder)} | self.variables

    def run(self, block: str, *, status: int = 0) -> str:
        """Return what a block prints. It must end with this exit status."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _MAKE + block],
            cwd=self.folder, env=self._environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self, block: str) -> Iterator[str]:
        """Run a block that serves; yield what it has printed once it listens, and stop it afterwards."""
        output = self.folder / "printed"
        with output.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", _MAKE + block],
                cwd=self.folder, env=self._environment() | {"PORT": "0"},
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        try:
            eventually(lambda: process.poll() is not None or "running on http://" in output.read_text())
            assert process.poll() is None, output.read_text()
            yield output.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 15)
            process.wait()

"""The service as a real process on a real port, configured by the environment alone."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.settings import Settings
from tests.support.polling import eventually

ROOT = Path(__file__).parents[2]


def environment(**settings: object) -> dict[str, str]:
    """Return the environment that configures `settings` and nothing else."""
    ours = {name.upper() for name in Settings.model_fields}
    rest = {name: value for name, value in os.environ.items() if name not in ours} | {"SPOOL": "off"}
    return rest | {name.upper(): str(value) for name, value in settings.items()}


@dataclass(frozen=True)
class ServiceProcess:
    """One running service. http: a client of it; output: where all it prints goes."""

    process: subprocess.Popen[bytes]
    http: httpx.Client
    output: Path

    def printed(self) -> str:
        """Return all it has printed so far."""
        return self.output.read_text()

    def kill(self) -> None:
        """Kill it, with no chance to finish anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def running_service(**settings: object) -> AbstractContextManager[ServiceProcess]:
    """Run the service on a free port until the block ends."""
    return running_release(ROOT, **settings)


@contextmanager
def running_release(root: Path, **settings: object) -> Iterator[ServiceProcess]:
    """Run the service of the release at `root`. See running_service()."""
    with tempfile.NamedTemporaryFile(prefix="ringfence-output-") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app"],
            cwd=root, env=environment(**{"port": 0} | settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        printed = Path(output.name)
        try:
            listening = re.compile(r"running on (http://[^ ]+) ")
            url = eventually(lambda: process.poll() is not None or listening.search(printed.read_text()))
            assert isinstance(url, re.Match), printed.read_text()
            with httpx.Client(base_url=url[1], trust_env=False) as http:
                yield ServiceProcess(process, http, printed)
        finally:
            process.terminate()
            process.wait()


def refused_service(**settings: object) -> subprocess.CompletedProcess[str]:
    """Start a service that has to refuse, and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=ROOT, env=environment(**{"port": 0} | settings), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

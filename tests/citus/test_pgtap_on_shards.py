"""The files of db/tests on a cluster, from its coordinator: they hold, but for those that one_server_only.txt names."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.citus.conftest import Distributed
from tests.run import PG_PROVE, PGTAP_FILES, ROOT

ONE_SERVER_ONLY = Path(__file__).with_name("one_server_only.txt")
_RAN = re.compile(r"^db/tests/(\S+\.sql) \.\.", re.MULTILINE)
_FAILED = re.compile(r"^db/tests/(\S+\.sql) +\(Wstat: ", re.MULTILINE)
_OPTIONS = "-c search_path=tap,public -c client_min_messages=warning -c statement_timeout=10s"


@pytest.fixture(scope="module")
def results(distributed: Distributed, binaries: Path) -> dict[str, bool]:
    """Whether each file of db/tests passes."""
    if not PG_PROVE.exists():
        pytest.skip("pg_prove is not installed")
    for node in ("worker_1", "worker_2"):
        with distributed.cluster.connect(node=node) as worker:
            # A file that has changed a table asks for the report: over another connection, which waits for that change.
            worker.execute("ALTER SYSTEM SET lock_timeout = '1s'")
            worker.execute("SELECT pg_reload_conf()")
    with distributed.cluster.connect() as superuser:
        if not superuser.execute("SELECT name FROM pg_available_extensions WHERE name = 'pgtap'").fetchone():
            pytest.skip("the PostgreSQL that has Citus has no pgTAP")
        for statement in (
            "CREATE SCHEMA tap",
            "CREATE EXTENSION pgtap SCHEMA tap",
            "GRANT USAGE ON SCHEMA tap TO PUBLIC",
            "COMMENT ON ROLE audit_gateway IS 'Ringfence: a login of the tests here'",
        ):
            superuser.execute(statement.encode())
    finished = subprocess.run(
        [
            str(PG_PROVE), "--psql-bin", str(binaries / "psql"), "-d", distributed.cluster.url(),
            *(str(file.relative_to(ROOT)) for file in PGTAP_FILES),
        ],
        env={**os.environ, "PGOPTIONS": _OPTIONS},
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    failed = set(_FAILED.findall(finished.stdout))
    return {file: file not in failed for file in _RAN.findall(finished.stdout)}


def named() -> set[str]:
    """The files that are of one server only; their reasons are the lines above them."""
    return {line for line in ONE_SERVER_ONLY.read_text().splitlines() if line and not line.startswith("#")}


@pytest.mark.timeout(900)
def test_every_file_runs(results: dict[str, bool]) -> None:
    assert set(results) == {str(file.relative_to(ROOT / "db" / "tests")) for file in PGTAP_FILES}


@pytest.mark.timeout(900)
def test_the_files_that_fail_are_those_that_are_named(results: dict[str, bool]) -> None:
    assert {file for file, passed in results.items() if not passed} == named()

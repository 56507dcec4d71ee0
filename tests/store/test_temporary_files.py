"""Requests of many records where there is no room, or no directory, for temporary files."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.conftest import TestDatabase
from tests.support.bulk_calls import lines, record, send, send_json
from tests.support.calls import assert_problem, bearer
from tests.support.processes import ROOT, ServiceProcess, environment, running_service

MANY = lines(record(error="e" * 150, trace_id=str(number)) for number in range(9_000))


@contextmanager
def largest_file(process: int, size: int) -> Iterator[None]:
    """Let no file of a process grow beyond `size`: as on a disk that is full."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, before[1]))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app")) as service:
        service.http.headers.update(bearer(database.issue_api_key("acme")))
        service.http.timeout = 60
        yield service


# Each record gets an id. The last size is met only by the end of what is written.
@pytest.mark.parametrize("size", [0, 262_144, len(MANY) + 9_000 * len('"id":"",' + "0" * 36) - 1])
def test_many_records_are_refused_where_the_disk_is_full_and_stored_where_it_is_not(
    service: ServiceProcess, database: TestDatabase, size: int
) -> None:
    with largest_file(service.process.pid, size):
        answer = send(service.http, MANY)
        assert_problem(answer, 503, "storage-unavailable")
        assert answer.headers["retry-after"]
        assert send_json(service.http, record()).status_code == 201  # one needs no file
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(1,)]
    assert send(service.http, MANY).status_code == 201


def test_the_reason_is_in_the_log(service: ServiceProcess) -> None:
    with largest_file(service.process.pid, 262_144):
        assert send(service.http, MANY).status_code == 503

    (line,) = [json.loads(line) for line in service.printed().splitlines() if "no temporary file" in line]
    assert line["level"] == "ERROR"
    assert "File too large" in line["message"]


def no_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


@contextmanager
def started(prepare: Callable[[], None], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start the service in a process that `prepare` has changed; what it prints goes through a pipe, and to no file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT, env=environment(port=0, **variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, preexec_fn=prepare,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def test_without_a_directory_for_them_the_service_warns_at_start_and_serves(database: TestDatabase) -> None:
    with started(no_files, database_url=database.url("audit_app")) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "running on" in line:
                break
    (warning,) = [json.loads(line) for line in said if "no temporary file" in line]
    assert warning["level"] == "WARNING"
    assert "No usable temporary directory" in warning["message"]


@pytest.mark.parametrize(("workers", "status"), [("2", 3), ("1", None)])
def test_several_workers_refuse_to_start_without_one_in_one_line(
    database: TestDatabase, workers: str, status: int | None
) -> None:
    with started(no_files, database_url=database.url("audit_app"), web_concurrency=workers) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "running on" in line:
                break
        assert process.poll() == status or process.wait(30) == status
    assert "Traceback" not in "".join(said)
    if status is not None:
        assert said[-1].startswith("ringfence: refusing to serve: workers need a directory for temporary files")

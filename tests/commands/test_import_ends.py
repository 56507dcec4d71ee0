"""How python -m app.import_jsonl ends, and what it prints, whatever is in the files and happens in between."""

import json
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.support.importing import RECORD, Importing, write
from tests.support.polling import eventually
from tests.support.processes import ROOT


@pytest.fixture
def importing(database: TestDatabase, tmp_path: Path) -> Importing:
    return Importing(database, tmp_path / "old.jsonl")


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which it refused to begin."""
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stdout + ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


HOSTILE = ["\x1b[2J\x1b]0;pwned\x07", "x\nStored: everything", "\u202egpj.exe", "\ud800", "\x9b31m", "\u2028", "\x7f"]


def test_nothing_of_a_file_acts_on_the_terminal(importing: Importing, tmp_path: Path) -> None:
    importing.file = tmp_path / "old\x1b[31m\n.jsonl"
    write(importing.file, *[RECORD | {name: 1} for name in HOSTILE], b'{"tenant_id": "\x1b[31m"}\n')
    for ended in (importing.run_for_people("--apply"), importing.run("--apply")):
        assert ended.returncode == 1, ended.stderr
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", ended.stdout)
        assert not [line for line in ended.stdout.splitlines() if line.startswith("Stored: ")]
    assert importing.run_for_people("--apply").stdout.count("\n") == 12
    assert len(importing.stored()) == len(HOSTILE)


def test_a_file_that_is_not_there_is_one_line_without_what_its_name_does(importing: Importing, tmp_path: Path) -> None:
    told = refusal(importing.run(str(tmp_path / "\x1b[31m\nnowhere")))
    assert told.endswith("No such file or directory")
    assert "\x1b" not in told


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_whatever_the_terminal_can_show_the_report_is_printed(importing: Importing, encoding: str) -> None:
    importing.environment["PYTHONIOENCODING"] = encoding
    write(importing.file, RECORD | {"Zoë 日本": 1})
    ended = importing.run_for_people("--apply")
    assert ended.returncode == 0, ended.stderr
    assert len(importing.stored()) == 1


@pytest.mark.parametrize(("lines", "status"), [([RECORD], 0), ([RECORD, b"{\n"], 1)])
def test_a_reader_that_goes_away_changes_no_status(importing: Importing, lines: list[object], status: int) -> None:
    write(importing.file, *lines)
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        importing.command("--apply"),
        cwd=ROOT,
        env=importing.environment,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert ended.returncode == status
    assert b"the report could not be printed" in ended.stderr
    assert b"1 records stored" in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert len(importing.stored()) == 1


def test_a_report_that_is_lost_to_a_full_disk_is_status_2(importing: Importing) -> None:
    write(importing.file, RECORD)
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            importing.command("--apply"),
            cwd=ROOT,
            env=importing.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ended.returncode == 2
    assert b"No space left" in ended.stderr
    assert importing.keys_left() == 0


def test_no_room_for_rejects_ends_it_with_a_report_and_no_half_line(importing: Importing, tmp_path: Path) -> None:
    write(importing.file, RECORD, b"{" + b"x" * 900 + b"\n", b"{" + b"y" * 900 + b"\n", RECORD)
    rejects = tmp_path / "rejects"

    def few_bytes() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    ended = subprocess.run(
        importing.command("--apply", "--rejects", str(rejects)),
        cwd=ROOT, env=importing.environment, capture_output=True, check=False, preexec_fn=few_bytes,
    )  # fmt: skip

    assert ended.returncode == 2, ended.stderr
    assert str(rejects).encode() in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert json.loads(ended.stdout)["not_taken"] == 2
    assert rejects.read_bytes() == b"{" + b"x" * 900 + b"\n"
    assert importing.keys_left() == 0


def test_a_database_that_is_gone_in_the_middle_and_back_costs_nothing(importing: Importing) -> None:
    write(importing.file, *[RECORD | {"trace_id": str(number)} for number in range(20_000)])
    process = subprocess.Popen(
        importing.command("--apply"),
        cwd=ROOT,
        env=importing.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    eventually(lambda: importing.database.execute("SELECT count(*) FROM audit.audit_logs")[0][0] > 0)
    importing.database.go_down()
    assert process.poll() is None
    importing.database.come_up()
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(printed)["taken"] == {"acme": 20_000}
    assert len(importing.stored()) == 20_000
    assert importing.keys_left() == 0


@pytest.mark.parametrize(
    "url", ["postgresql://u:S3cret%@localhost/x", "postgresql://u:S3cret/1@localhost/x", "mysql://u:S3cret@x"]
)
@pytest.mark.parametrize("variable", ["DATABASE_URL", "ADMIN_DATABASE_URL"])
def test_a_url_that_is_none_is_not_repeated(importing: Importing, variable: str, url: str) -> None:
    write(importing.file, RECORD)
    importing.environment[variable] = url
    told = refusal(importing.run("--apply"))
    assert "S3cret" not in told
    assert variable in told

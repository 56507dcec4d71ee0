"""python -m app.import_jsonl and its files: what is refused before anything is read."""

import bz2
import gzip
import json
import lzma
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.support.importing import RECORD, Importing, write
from tests.support.processes import ROOT


@pytest.fixture
def importing(database: TestDatabase, tmp_path: Path) -> Importing:
    return Importing(database, tmp_path / "old.jsonl")


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which it refused to begin."""
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stdout + ended.stderr
    (line,) = ended.stderr.splitlines()
    return line


def by_name(folder: Path) -> Path:
    return folder / "old.jsonl"


def by_symlink(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "old.jsonl")
    return folder / "link"


def by_hard_link(folder: Path) -> Path:
    (folder / "hard").hardlink_to(folder / "old.jsonl")
    return folder / "hard"


def by_another_way(folder: Path) -> Path:
    (folder / "sub").mkdir()
    return folder / "sub" / ".." / "old.jsonl"


def by_a_symlink_that_leads_nowhere(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "nowhere")
    return folder / "link"


@pytest.mark.parametrize("way", [by_name, by_symlink, by_hard_link, by_another_way])
def test_rejects_that_are_an_input_are_refused_before_anything_is_read(
    importing: Importing, tmp_path: Path, way: Callable[[Path], Path]
) -> None:
    write(importing.file, RECORD, b"{\n")
    before = importing.file.read_bytes()

    assert "is a file to be read" in refusal(importing.run("--apply", "--rejects", str(way(tmp_path))))

    assert importing.file.read_bytes() == before
    assert importing.stored() == []
    assert importing.report("--apply", "--rejects", str(tmp_path / "new"), status=1)["not_taken"] == 1


@pytest.mark.parametrize("way", [by_a_symlink_that_leads_nowhere, lambda folder: folder / "rejects.jsonl"])
def test_a_file_that_is_there_is_left_as_it_is(
    importing: Importing, tmp_path: Path, way: Callable[[Path], Path]
) -> None:
    write(importing.file, RECORD, b"{\n")
    (tmp_path / "rejects.jsonl").write_bytes(b"of yesterday\n")

    assert "is there already" in refusal(importing.run("--apply", "--rejects", str(way(tmp_path))))

    assert (tmp_path / "rejects.jsonl").read_bytes() == b"of yesterday\n"
    assert not (tmp_path / "nowhere").exists()
    assert importing.stored() == []


def test_a_glob_that_finds_the_rejects_of_an_earlier_run_is_refused(importing: Importing, tmp_path: Path) -> None:
    write(importing.file, RECORD, b"{\n")
    rejects = tmp_path / "rejects.jsonl"
    importing.report("--apply", "--rejects", str(rejects), status=1)
    # As a shell expands *.jsonl.
    files = sorted(str(file) for file in tmp_path.glob("*.jsonl") if file != importing.file)
    assert "is a file to be read" in refusal(importing.run(*files, "--rejects", str(rejects)))
    assert rejects.read_bytes() == b"{\n"


def test_without_a_rejected_line_no_file_of_them_is_left(importing: Importing, tmp_path: Path) -> None:
    write(importing.file, RECORD)
    importing.report("--apply", "--rejects", str(tmp_path / "rejects"))
    assert not (tmp_path / "rejects").exists()


def test_rejects_that_cannot_be_made_are_refused_before_anything_is_stored(
    importing: Importing, tmp_path: Path
) -> None:
    write(importing.file, RECORD, b"{\n")
    told = refusal(importing.run("--apply", "--rejects", str(tmp_path / "nowhere" / "rejects")))
    assert told.endswith("No such file or directory")
    assert importing.stored() == []


def test_a_file_that_is_named_twice_is_refused(importing: Importing, tmp_path: Path) -> None:
    write(importing.file, RECORD)
    assert "is the same file as" in refusal(importing.run("--apply", str(by_symlink(tmp_path))))
    assert importing.stored() == []


LINE = json.dumps(RECORD).encode() + b"\n"
FORMS = {
    "gzip": gzip.compress(LINE),
    "bzip2": bz2.compress(LINE),
    "xz": lzma.compress(LINE),
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00\x19\x00\x00abc",
    "UTF-16": LINE.decode().encode("utf-16"),
    "UTF-16 ": LINE.decode().encode("utf-16-le"),
    "UTF-16  ": LINE.decode().encode("utf-16-be"),
    "UTF-16   ": b"\xfe\xff" + LINE.decode().encode("utf-16-be"),
    "UTF-32": LINE.decode().encode("utf-32"),
    "UTF-32 ": LINE.decode().encode("utf-32-be"),
}


@pytest.mark.parametrize("form", [*FORMS, "zip"])
def test_a_file_in_another_form_is_named_as_what_it_is_before_any_record(
    importing: Importing, tmp_path: Path, form: str
) -> None:
    other = tmp_path / "other"
    if form == "zip":
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr("old.jsonl", LINE)
    else:
        other.write_bytes(FORMS[form])
    write(importing.file, RECORD)

    told = refusal(importing.run("--apply", str(other)))

    assert form.strip() in told
    assert str(other) in told
    assert importing.stored() == []
    assert importing.report("--apply")["taken"] == {"acme": 1}


def test_a_packed_file_through_a_pipe_is_named_too(importing: Importing) -> None:
    importing.file = Path("/dev/stdin")
    for content, status in ((FORMS["gzip"], 2), (LINE, 0)):
        ended = subprocess.run(
            importing.command("--apply"),
            cwd=ROOT,
            env=importing.environment,
            input=content,
            capture_output=True,
            check=False,
        )
        assert ended.returncode == status, ended.stderr
        assert (b"packed with gzip" in ended.stderr) == bool(status)
    assert len(importing.stored()) == 1


def test_a_byte_order_mark_at_the_beginning_of_a_file_is_no_part_of_it(importing: Importing) -> None:
    write(importing.file, b"\xef\xbb\xbf", RECORD, RECORD)
    assert importing.report("--apply")["stored"] == {"acme": 2}


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "../../etc/passwd", "/etc/passwd", "Europe", "\x1b[31mUTC", "x" * 300]
)
def test_an_unknown_zone_is_one_line(importing: Importing, zone: str) -> None:
    write(importing.file, RECORD)
    told = refusal(importing.run("--assume-zone", zone))
    assert "no time zone is named" in told
    assert "\x1b" not in told
    assert importing.report("--assume-zone", "Europe/Berlin")["taken"] == {"acme": 1}


def test_lines_at_the_ends_of_time_are_refused_and_the_import_goes_on(importing: Importing) -> None:
    ends = ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+14:00", "2016-12-31T23:59:60Z", "2026-01-02T24:00:00Z"]
    write(importing.file, RECORD, *[RECORD | {"created_at": each} for each in ends], RECORD)
    report = importing.report("--apply", status=1)
    assert (report["stored"], report["not_taken"]) == ({"acme": 2}, 4)
    assert [each["place"] for each in report["reasons"]] == [f"{importing.file}:{number}" for number in (2, 3, 4, 5)]


def test_what_was_there_already_does_not_count_as_stored(importing: Importing, tmp_path: Path) -> None:
    lines = [RECORD | {"trace_id": str(number)} for number in range(5)]
    write(importing.file, *lines[:3])
    assert importing.report("--apply")["stored"] == {"acme": 3}
    importing.file = tmp_path / "the same in another file"
    write(importing.file, *lines, b"{\n")

    report = importing.report("--apply", status=1)

    assert (report["stored"], report["already_there"], report["taken"]) == ({"acme": 2}, 3, {"acme": 5})
    printed = importing.run_for_people("--apply").stdout
    assert printed.startswith("6 lines: 0 records stored, 5 there already, 1 not taken, 0 blank\n")
    assert len(importing.stored()) == 5


def test_the_same_ids_in_two_large_files_count_once(importing: Importing, tmp_path: Path) -> None:
    lines = [RECORD | {"id": f"01900000-0000-7000-8000-{number:012}"} for number in range(4_000)]
    write(importing.file, *lines)
    again = tmp_path / "again.jsonl"
    write(again, *lines)
    report = importing.report("--apply", str(again))
    assert (report["stored"], report["already_there"]) == ({"acme": 4_000}, 4_000)

"""`python -m app.verify`: what it prints, its exit status, and that no change of what was sealed passes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.verify import ringfence_verify
from tests.vectors.building import KEY, Leaf, Tree, bundle, gone, line, origin, record, records, time
from tests.vectors.vectors import FOLDER

ROOT = Path(__file__).parents[2]
VKEY = KEY.vkey(origin("acme", 1))
GOOD = FOLDER / "good-eight-records.ndjson"
ELEVEN = Tree(records(0, 11))
PROVEN = ["--proof", "one", "--leaf", "two"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def verify(*arguments: str | Path, key: str = VKEY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.verify", "--key", key, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def status_of(text: str | bytes, folder: Path, *arguments: str) -> int:
    file = folder / "bundle.ndjson"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return ringfence_verify.main([str(file), "--key", VKEY, *arguments])


def test_it_prints_each_claim_what_is_not_proven_and_the_verdict() -> None:
    done = verify(GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    claims, not_proven, verdict = done.stdout.split("\n\n")
    assert [text[13:].partition(":")[0] for text in claims.splitlines()] == list(ringfence_verify.BUNDLE_CLAIMS)
    assert "PASS         root: epoch 1: 8 leaves give the root that is signed" in claims.splitlines()
    assert "NOT CHECKED  since: no older checkpoint was given" in claims.splitlines()
    assert not_proven.splitlines()[0] == "What this does not prove:"
    assert len(not_proven.splitlines()) == 1 + len(ringfence_verify.NOT_PROVEN)
    assert verdict == "PASS\n"


def test_a_failure_has_status_1_and_still_says_what_is_not_proven() -> None:
    done = verify(FOLDER / "bad-changed-microsecond.ndjson")
    assert done.returncode == 1
    assert "FAIL         root: epoch 1: the first 8 leaves give another root than is signed" in done.stdout
    assert "What this does not prove:" in done.stdout
    assert done.stdout.endswith("\nFAIL\n")


@pytest.mark.parametrize(
    "arguments", [[], ["one", "two"], ["--proof", "one"], ["one", "--quorum", "1"], [*PROVEN, "--allow-gone"]]
)
def test_a_command_that_is_typed_wrongly_has_status_2(arguments: list[str]) -> None:
    done = verify(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ringfence-verify")


def test_without_a_key_nothing_is_judged() -> None:
    with pytest.raises(SystemExit) as refused:
        ringfence_verify.main([str(GOOD)])
    assert refused.value.code == 2
    assert ringfence_verify.main([str(GOOD), "--key", VKEY]) == 0


@pytest.mark.parametrize("name", ["missing.ndjson", "."])
def test_a_file_that_cannot_be_read_has_status_2(name: str, folder: Path) -> None:
    done = verify(folder / name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("CANNOT BE JUDGED: ")


def test_the_file_runs_alone_where_nothing_of_the_project_is(folder: Path) -> None:
    copy = Path(shutil.copy(ringfence_verify.__file__, folder))
    command = [sys.executable, "-I", str(copy), str(GOOD), "--key", VKEY]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nPASS\n")


def test_text_of_a_file_moves_no_cursor(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaf = record(0, tenant_id="\x1b[2J\nPASS\u202e")
    assert status_of(bundle(Tree([leaf])), folder) == 1
    printed = capsys.readouterr().out
    assert r"is of tenant \x1b[2J\nPASS\u202e" in printed
    assert "\x1b" not in printed


def test_an_old_checkpoint_is_found_again_and_a_fork_is_not(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = folder / "old.checkpoint"
    old.write_text(ELEVEN.checkpoint(6))
    assert status_of(bundle(ELEVEN), folder, "--since", str(old)) == 0
    assert (
        "PASS         since: the first 6 leaves of epoch 1 are those that old.checkpoint signs"
        in capsys.readouterr().out
    )
    forked = Tree([*records(0, 4), record(100), *records(5, 11)])
    assert status_of(bundle(forked), folder, "--since", str(old)) == 1
    assert status_of(bundle(forked), folder) == 0


def test_what_has_gone_is_a_failure_unless_the_reader_allows_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = (
        "gone: 2 leaves pruned on 2026-11-30 (created from 2025-07-18 to 2025-10-26, under the term of 365 days for "
        "LIVE), 1 private part erased on 2026-11-30; statements of the tree name each of them, and nobody outside of "
        "the database vouches for these statements"
    )
    assert status_of(PLAIN, folder) == 1
    assert f"FAIL         {found}\n" in capsys.readouterr().out
    assert status_of(PLAIN, folder, "--allow-gone") == 0
    assert f"PASS         {found}\n" in capsys.readouterr().out


def test_it_tells_how_much_has_gone_from_when_to_when(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaves = [
        *records(0, 8),
        record(8).erased(),
        gone("erase", [(8, 9)], at=time(86400 + 3600)),
        gone("prune", [(0, 2)], at=time(3 * 86400)),
        gone(
            "prune",
            [(2, 4)],
            at=time(2 * 86400),
            first_created_at=time(-450 * 86400),
            last_created_at=time(-380 * 86400),
        ),
        gone("prune", [(6, 8)], at=time(60), mode=None, keep_days=1),
        gone("prune", [(4, 5)], at=time(9 * 86400), keep_days=9),  # still shown: no day or term of what has gone
    ]
    text = bundle(Tree(leaves, hidden=[(0, 4), (6, 8)]))
    assert status_of(text, folder, "--allow-gone") == 0
    days = (
        "6 leaves pruned from 2026-11-30 to 2026-12-03 (created from 2025-07-18 to 2025-11-15, under the term of 365 "
        "days for LIVE; created from 2025-07-18 to 2025-10-26, under the term of 1 day for records without a mode), "
        "1 private part erased on 2026-12-01; "
    )
    assert days in capsys.readouterr().out
    assert status_of(text, folder, "--allow-gone", "--json") == 0
    first = time(-500 * 86400)
    assert json.loads(capsys.readouterr().out)["gone"] == {
        "pruned": {
            "leaves": 6, "statements": 3, "first_at": time(60), "last_at": time(3 * 86400),
            "terms": [
                {"mode": "LIVE", "keep_days": 365, "first_created_at": first, "last_created_at": time(-380 * 86400)},
                {"mode": None, "keep_days": 1, "first_created_at": first, "last_created_at": time(-400 * 86400)},
            ],
        },
        "erased": {"leaves": 1, "statements": 1, "first_at": time(90000), "last_at": time(90000), "terms": []},
    }  # fmt: skip


def test_of_many_terms_it_names_five(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statements = [gone("prune", [(number, number + 1)], keep_days=100 + number) for number in range(8)]
    assert status_of(bundle(Tree([*records(0, 8), *statements], hidden=[(0, 8)])), folder, "--allow-gone") == 0
    assert "; created from 2025-07-18 to 2025-10-26, under the term of 104 days for LIVE; and 3 more terms); " in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_key_that_is_not_utf_8_has_status_2(options: list[str]) -> None:
    done = verify(GOOD, *options, key=VKEY.replace("acme", "acme\udcff"))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "the key is not UTF-8" in done.stdout + done.stderr
    assert verify(GOOD, *options).returncode == 0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_error_that_nobody_expected_has_status_2(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such case")

    monkeypatch.setattr(ringfence_verify.Bundle, "_check_ids", fail)
    assert ringfence_verify.main([str(GOOD), "--key", VKEY, *options]) == 2
    printed = capsys.readouterr()
    assert "an unexpected error: RuntimeError('no such case')" in printed.out + printed.err
    monkeypatch.undo()
    assert ringfence_verify.main([str(GOOD), "--key", VKEY, *options]) == 0


def test_an_answer_that_cannot_be_printed_has_status_2() -> None:
    command = [sys.executable, "-m", "app.verify", "--key", VKEY, str(GOOD)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_a_line_of_very_many_names_is_refused_in_a_moment(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ",".join(f'"n{number}":1' for number in range(200_000))
    text = PLAIN.decode().replace('{"version":1,', f'{{{names},"version":1,', 1)
    began = process_time()
    assert status_of(text, folder, "--allow-gone") == 1
    assert process_time() - began < 10  # the square of their number would take an hour
    assert "FAIL         file: line 4: a line of no known kind" in capsys.readouterr().out


def test_a_long_line_is_refused_before_it_fills_the_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringfence_verify, "MAX_LINE", 1000)
    assert status_of(bundle(ELEVEN), folder) == 0
    assert status_of(bundle(Tree([record(0, agent_id="a" * 1000)])), folder) == 1


def test_five_failures_of_a_claim_are_told_and_the_others_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves = [record(number, tenant_id="globex") for number in range(8)]
    assert status_of(bundle(Tree(leaves)), folder) == 1
    told = next(text for text in capsys.readouterr().out.splitlines() if " tenant: " in text)
    assert told.count("is of tenant globex") == 5
    assert told.endswith("; and 3 more")


WITH_GAPS = Tree(
    [*records(0, 6), record(6).erased(), gone("erase", [(6, 7)]), record(8), gone("prune", [(0, 2)])], hidden=[(0, 2)]
)
PLAIN = bundle(WITH_GAPS).encode()
BODY = range(PLAIN.index(b"\n") + 1, len(PLAIN))
"""Behind the first line, which nothing signs: when the file was made is not proven."""


@given(position=st.sampled_from(BODY), bit=st.integers(0, 7))
def test_no_changed_bit_of_a_sealed_file_passes(
    position: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = bytearray(PLAIN)
    changed[position] ^= 1 << bit
    assert status_of(bytes(changed), tmp_path_factory.getbasetemp(), "--allow-gone") != 0


@pytest.mark.parametrize("number", range(len(PLAIN.splitlines())))
def test_no_line_can_be_left_out_doubled_or_moved(number: int, folder: Path) -> None:
    lines = PLAIN.splitlines(keepends=True)
    assert status_of(b"".join(lines), folder, "--allow-gone") == 0
    assert status_of(b"".join([*lines[:number], *lines[number + 1 :]]), folder, "--allow-gone") != 0
    assert status_of(b"".join([*lines[: number + 1], *lines[number:]]), folder, "--allow-gone") != 0
    if number:
        moved = [*lines[: number - 1], lines[number], lines[number - 1], *lines[number + 1 :]]
        assert status_of(b"".join(moved), folder, "--allow-gone") != 0


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_every_text_that_the_database_can_hold_is_read(text: str) -> None:
    leaf = record(0, agent_id=text, private={"error": text, "context": line({"event": text})})
    assert ringfence_verify.RECORD.fullmatch(leaf.text)
    assert ringfence_verify.PRIVATE.fullmatch(leaf.private or "")
    assert not ringfence_verify.RECORD.fullmatch(Leaf(leaf.text + " ").text)

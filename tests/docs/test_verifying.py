"""The commands of docs/verifying.md, run as they stand there, in a folder that has the verifier and the vectors."""

from pathlib import Path

import pytest

from app.verify.ringfence_verify import BUNDLE_CLAIMS, NOT_PROVEN, PROOF_CLAIMS
from tests.support import pages
from tests.support.processes import ROOT
from tests.support.shell import Shell

PAGE = "docs/verifying.md"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    return Shell(tmp_path, {})


def shown(heading: str) -> list[str]:
    return [block.text for block in pages.blocks(PAGE, heading) if block.language == "text"]


def test_an_export_is_checked_and_a_fork_is_caught(shell: Shell) -> None:
    check, check_fork = pages.commands(PAGE, "Check an export")
    passed, failed = shown("Check an export")
    assert shell.run(check).startswith(passed + "\nWhat this does not prove:\n")
    assert failed in shell.run(check_fork, status=1)


def test_what_has_gone_is_told_with_its_days(shell: Shell) -> None:
    (check,) = pages.commands(PAGE, "Compare what has gone with what was agreed")
    (gone,) = shown("Compare what has gone with what was agreed")
    assert gone in shell.run(check)


def test_one_record_is_checked(shell: Shell) -> None:
    (check,) = pages.commands(PAGE, "Check one record")
    assert "PASS         inclusion: the line is leaf 6 of 11\n" in shell.run(check)


def test_the_page_names_each_claim() -> None:
    section = pages.read(PAGE).partition("## What the claims mean")[2].partition("\n## ")[0]
    named = {line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")}
    assert named - {"claim"} == {*BUNDLE_CLAIMS, *PROOF_CLAIMS}


def test_the_page_says_what_is_not_proven() -> None:
    section = pages.read(PAGE).partition("## What it does not prove")[2].partition("\n## ")[0]
    assert section.count("\n- ") >= len(NOT_PROVEN) - 1

"""The numbered files of db/schema are frozen: each is listed with its SHA-256, and `make lint` compares."""

import shutil
import subprocess
from pathlib import Path

import pytest

from app.release import DATABASE_DIRECTORY, fingerprints

SCHEMA = DATABASE_DIRECTORY / "schema"


def guard(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sha256sum", "--check", "--quiet", "frozen.sha256"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_numbered_file_is_guarded() -> None:
    listed = [line.split()[1] for line in (SCHEMA / "frozen.sha256").read_text().splitlines()]
    numbered = sorted(file.name for file in SCHEMA.glob("V*.sql"))

    unlisted = [name for name in numbered if name not in listed]
    assert not unlisted, f"run: cd db/schema && sha256sum {' '.join(unlisted)} >> frozen.sha256"
    assert listed == numbered


def test_no_guarded_file_has_changed() -> None:
    checked = guard(SCHEMA)

    assert checked.returncode == 0, f"restore it, and put the change into a new file: {checked.stdout}"


@pytest.mark.parametrize("change", ["edited", "removed"])
def test_a_file_that_is_edited_or_removed_does_not_pass(tmp_path: Path, change: str) -> None:
    folder = Path(shutil.copytree(SCHEMA, tmp_path / "schema"))
    assert guard(folder).returncode == 0
    file = min(folder.glob("V*.sql"))
    if change == "edited":
        file.write_text(file.read_text() + "-- edited\n")
    else:
        file.unlink()

    assert guard(folder).returncode != 0


def test_make_lint_compares() -> None:
    assert "sha256sum --check --quiet frozen.sha256" in (DATABASE_DIRECTORY.parent / "Makefile").read_text()


def test_the_list_is_not_part_of_a_release() -> None:
    assert not [path for path in fingerprints() if "frozen" in path]


@pytest.mark.parametrize(
    ("version", "function", "ends"),
    [("V0015", "is_context", "\nGRANT EXECUTE"), ("V0020", "is_restriction", "\nREVOKE ALL")],
)
def test_the_function_that_a_check_calls_is_the_same_in_both_files_that_make_it(
    version: str, function: str, ends: str
) -> None:
    def made(file: Path) -> str:
        _, begins, rest = file.read_text().partition(f"CREATE OR REPLACE FUNCTION audit.{function}(")
        body, ended, _ = rest.partition(f"{ends} ON FUNCTION audit.{function} ")
        assert begins and ended, file
        return body

    (schema_file,) = SCHEMA.glob(f"{version}__*.sql")
    assert made(schema_file) == made(DATABASE_DIRECTORY / "functions" / "record" / f"{function}.sql")

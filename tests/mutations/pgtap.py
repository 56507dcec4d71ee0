"""Runs files of db/tests with psql, as pg_prove does but without its start-up time, and reads what they answer."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

_TESTS = Path(__file__).parents[2] / "db" / "tests"
FILES = sorted(file for file in _TESTS.rglob("*.sql") if file.parent.name != "support")
# A weakening may let a statement run for ever. On a quiet machine the longest takes four seconds.
_STATEMENT_SECONDS = 30
_FILE_SECONDS = 120
_PLAN = re.compile(r"^1\.\.(\d+)$", re.MULTILINE)
_RESULT = re.compile(r"^(ok|not ok)\b", re.MULTILINE)
_BEGIN = re.compile(r"^BEGIN(?: [A-Z ]+)?;$", re.MULTILINE)
_END = re.compile(r"^(?:COMMIT|ROLLBACK);$", re.MULTILINE)
_MARK = "-- weakened --"

# Those that are one transaction, which a weakening can be put into and is undone with.
WITHIN_ONE_TRANSACTION = frozenset(
    file
    for file, text in ((file, file.read_text()) for file in FILES)
    if len(_BEGIN.findall(text)) == 1 and _END.findall(text) == ["ROLLBACK;"]
)


def is_green(file: Path, psql: Path, database_url: str) -> bool:
    """Run one file; return whether it came to its end, kept to its plan, and all of its tests passed."""
    finished = _run(file.read_text(), file.parent, psql, database_url)
    return finished is not None and _passed(finished)


def is_green_when(weakening: str, file: Path, psql: Path, database_url: str) -> bool | None:
    """Run a file of WITHIN_ONE_TRANSACTION with `weakening` in it first; return None when that cannot be applied."""
    weakened = f"SET LOCAL search_path = public;\n{weakening};\nRESET ROLE;\nRESET search_path;\n\\echo {_MARK}\n"
    script = _BEGIN.sub(lambda begin: f"{begin[0]}\n{weakened}", file.read_text())
    finished = _run(script, file.parent, psql, database_url)
    if finished is not None and _MARK not in finished.stdout:
        return None
    return finished is not None and _passed(finished)


def first_red(files: Iterable[Path], psql: Path, database_url: str) -> Path | None:
    """Run `files` until one is not green, and return that one."""
    return next((file for file in files if not is_green(file, psql, database_url)), None)


def _run(script: str, folder: Path, psql: Path, database_url: str) -> subprocess.CompletedProcess[str] | None:
    """Return what psql said to `script`, None when it did not come to an end; \\ir looks for files from `folder` on."""
    # The server ends a statement that takes too long: nothing of it is under way when the next file begins.
    options = f"-c search_path=tap,public -c statement_timeout={_STATEMENT_SECONDS}s"
    try:
        return subprocess.run(
            [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-P", "pager=off", "-f", "-", database_url],
            env={**os.environ, "PGOPTIONS": options},
            cwd=folder, input=script, capture_output=True, text=True, timeout=_FILE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None


def _passed(finished: subprocess.CompletedProcess[str]) -> bool:
    results = _RESULT.findall(finished.stdout)
    plan = _PLAN.search(finished.stdout)
    return finished.returncode == 0 and plan is not None and int(plan[1]) == len(results) and "not ok" not in results

"""Runs files of db/tests with psql, as pg_prove does but without its start-up time, and reads what they answer."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

FILES = sorted((Path(__file__).parents[2] / "db" / "tests").glob("*.sql"))
_LIMIT_SECONDS = 120
_PLAN = re.compile(r"^1\.\.(\d+)$", re.MULTILINE)
_RESULT = re.compile(r"^(ok|not ok)\b", re.MULTILINE)


def is_green(file: Path, psql: Path, database_url: str) -> bool:
    """Run one file; return whether it came to its end, kept to its plan, and all of its tests passed."""
    try:
        finished = subprocess.run(
            [psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-P", "pager=off", "-f", file, database_url],
            env={**os.environ, "PGOPTIONS": "-c search_path=tap,public"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    results = _RESULT.findall(finished.stdout)
    plan = _PLAN.search(finished.stdout)
    return finished.returncode == 0 and plan is not None and int(plan[1]) == len(results) and "not ok" not in results


def first_red(files: Iterable[Path], psql: Path, database_url: str) -> Path | None:
    """Run `files` until one is not green, and return that one."""
    return next((file for file in files if not is_green(file, psql, database_url)), None)

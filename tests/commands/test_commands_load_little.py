"""Commands start without what they do not need: the web framework, its server and the metrics."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT

OF_THE_SERVICE = ("fastapi", "starlette", "uvicorn", "prometheus_client")


def loaded(module: str) -> set[str]:
    """Return the packages that `python -m module --help` imports."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", module, "--help"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    names = [line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("module", ["app.import_jsonl", "app.admin", "app.seal", "app.retain", "app.migrate"])
def test_a_command_does_not_load_the_web_framework(module: str) -> None:
    assert not loaded(module).intersection(OF_THE_SERVICE)


def test_the_service_itself_loads_it() -> None:
    assert loaded("app").issuperset(OF_THE_SERVICE)

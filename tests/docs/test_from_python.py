"""The lines from nothing to a record, in Python, of both READMEs: the client is built and installed as they say."""

import shutil

import pytest

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.pages import ROOT
from tests.support.processes import running_service
from tests.support.shell import Shell

# The environment that runs this test is shared, and there may be no network: what pip installs goes elsewhere, and it
# builds with what is installed.
_PIP = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.mark.parametrize(
    ("page", "heading"),
    [("README.md", "From Python"), ("clients/python/README.md", "From nothing to a record")],
)
def test_five_lines_make_two_records(
    page: str,
    heading: str,
    shell: Shell,
    database: TestDatabase,
    api_keys: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (block,) = pages.commands(page, heading)
    shutil.copytree(ROOT / "clients", shell.folder / "clients", ignore=shutil.ignore_patterns("*.egg-info", ".*_cache"))
    (shell.folder / ".data").mkdir()
    packages = shell.folder / "packages"
    monkeypatch.setenv("XDG_STATE_HOME", str(shell.folder))
    shell.variables |= _PIP | {"PIP_TARGET": str(packages), "PYTHONPATH": str(packages)}
    with running_service(database_url=database.url("audit_app")) as service:
        demo = api_keys | {"RINGFENCE_URL": str(service.http.base_url).rstrip("/")}
        (shell.folder / ".data/demo.env").write_text("".join(f"{name}={value}\n" for name, value in demo.items()))
        printed = shell.run(block)

    assert (packages / "ringfence" / "py.typed").exists()
    records = database.execute("SELECT trace_id, agent_id, status, user_id FROM audit.audit_logs ORDER BY id")
    (trace_id,) = {row[0] for row in records}
    assert f"recorded under {trace_id}" in printed
    assert [row[1:] for row in records] == [("kyc", "started", "jane"), ("kyc", "success", "jane")]

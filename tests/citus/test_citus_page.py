"""The commands of docs/citus.md, on a cluster of the test's own."""

from pathlib import Path

import pytest

from tests.citus.cluster import CitusCluster
from tests.support import pages
from tests.support.shell import Shell


@pytest.fixture
def shell(tmp_path: Path, empty_cluster: CitusCluster) -> Shell:
    """Runs the page's commands on the coordinator."""
    return Shell(tmp_path, {"MIGRATION_DATABASE_URL": empty_cluster.url()})


def test_a_cluster_is_distributed_and_its_secret_replaced_as_shown(shell: Shell) -> None:
    (distribute,) = pages.commands("docs/citus.md", "Distribute")
    assert shell.run(distribute) == "node 0: migrated\nnode 1: migrated\nnode 2: migrated\n"
    (rotate,) = pages.commands("docs/citus.md", "Replace the secret of the proofs")
    assert "every node has a new secret" in shell.run(rotate)

"""Where a tenant is named and believed, the service listens to loopback alone, unless the operator says otherwise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.model.refusals import RefusedToServe
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, execute


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """Run the service as a process until it refuses to start."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **variables}
    return subprocess.run(
        [sys.executable, "-m", "app"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_role_that_names_its_tenant_is_not_served_to_everybody(database: TestDatabase) -> None:
    refused = start(DATABASE_URL=database.url("audit_gateway"), HOST="0.0.0.0", PORT="0")

    assert refused.returncode == 3
    assert "TRUST_TENANT_HEADER" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) <= 2  # the refusal, and perhaps the warning about an old server


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_a_named_tenant_is_believed(serve: Serve, host: str) -> None:
    assert execute(serve(host=host)).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "gateway.example"])
def test_elsewhere_it_is_believed_only_when_the_operator_says_so(serve: Serve, host: str) -> None:
    with pytest.raises(RefusedToServe, match="TRUST_TENANT_HEADER"):
        serve(host=host)
    assert execute(serve(host=host, trust_tenant_header=True)).status_code == 200


def test_without_a_database_the_service_starts_everywhere_and_believes_nobody(serve_file: Serve) -> None:
    client = serve_file(host="0.0.0.0")

    assert client.get("/api/v1/health").status_code == 200
    assert_problem(execute(client), 403, "tenant-header-refused")
    assert execute(serve_file(host="127.0.0.1")).status_code == 200


def test_with_keys_it_listens_anywhere(serve: Serve, database: TestDatabase) -> None:
    client = serve(database_url=database.url("audit_app"), host="0.0.0.0")

    assert execute(client, api_key=database.issue_api_key("acme")).status_code == 200


def test_a_socket_that_is_not_on_loopback_is_not_believed_whatever_the_settings_say(serve: Serve) -> None:
    client = serve()  # as when another server than `python -m app` was told where to listen
    elsewhere, here = (
        TestClient(client.app, base_url=f"http://{address}:8000") for address in ("10.0.0.1", "127.0.0.1")
    )
    for there in (elsewhere, here):
        there.app_state.update(client.app_state)
    elsewhere.portal = here.portal = client.portal  # the event loop that the service was started in

    assert_problem(execute(elsewhere), 403, "tenant-header-refused")
    assert execute(here).status_code == 200

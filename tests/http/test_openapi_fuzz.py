"""Requests that the OpenAPI document allows and forbids, sent to a process: no 5xx, and only announced answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import TestDatabase
from tests.support.processes import ServiceProcess, running_service

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BUDGET = settings(max_examples=40, suppress_health_check=list(HealthCheck))


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServiceProcess]:
    """A process on the backend that the test names."""
    if request.param == "postgresql":
        database: TestDatabase = request.getfixturevalue("database")
        chosen: dict[str, object] = {"database_url": database.url()}
    else:
        chosen = {"audit_log_path": tmp_path / "audit.jsonl"}
    with running_service(live_enabled=True, **chosen) as service:
        yield service


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    "service,tenant", [("postgresql", "acme"), ("postgresql", None), ("jsonl", "acme")], indirect=["service"]
)
def test_every_answer_is_one_that_the_document_announces(
    service: ServiceProcess, mode: GenerationMode, tenant: str | None
) -> None:
    schema = schemathesis.openapi.from_dict(service.http.get("/openapi.json").json())
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) >= 4
    is_file = service.http.get("/api/v1/health/db").json()["backend"] == "jsonl"
    # A file has no evidence: a 501 is the right answer there, and a server's error anywhere else.
    without = ("/export", "/checkpoint", "/leaf", "/proof", "/consistency", "/feed") if is_file else ()
    answered: set[int] = set()
    with requests.Session() as session:
        session.trust_env = False
        for operation in operations:
            if mode is GenerationMode.NEGATIVE and not [*operation.iter_parameters(), *operation.body]:
                continue  # nothing about it could be sent wrongly

            @BUDGET
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case: Any) -> None:
                headers = {"X-Tenant-ID": tenant} if tenant else {}
                if str(case.query.get("wait", "")).isdigit():  # the answer would wait as long
                    case.query["wait"] = 0
                response = case.call(base_url=str(service.http.base_url), session=session, headers=headers)
                answered.add(response.status_code)
                is_left_out = case.path.endswith(without) and response.status_code == 501
                checks = CHECKS[1:] if is_left_out else CHECKS
                case.validate_response(response, checks=checks)

            send()

    assert (422 if mode is GenerationMode.NEGATIVE else 200) in answered
    assert service.process.poll() is None

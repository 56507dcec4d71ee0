"""The OpenAPI document: complete for callers, linters and client generators, and true of the service."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest

from app.http.problems import FRAMEWORK_KINDS, STATUSES
from app.http.schemas import NewRecord
from app.model.record import Record
from app.model.record_checks import refuse_broken_rule
from app.model.storable import refuse_unstorable
from tests.conftest import Serve
from tests.support import walkthrough

ROOT = Path(__file__).parents[2]
EVIDENCE = ("/checkpoint", "/leaf", "/proof", "/proofs/consistency")
OPERATIONS = {
    "executeAgent": ("post", "/api/v1/agents/{agent_id}/execute"),
    "listAuditLogs": ("get", "/api/v1/audit/logs"),
    "writeAuditLogs": ("post", "/api/v1/audit/logs"),
    "exportAuditLogs": ("get", "/api/v1/audit/logs/export"),
    "getAuditLog": ("get", "/api/v1/audit/logs/{id}"),
    "getCheckpoint": ("get", "/api/v1/audit/checkpoint"),
    "getLeaf": ("get", "/api/v1/audit/logs/{id}/leaf"),
    "getInclusionProof": ("get", "/api/v1/audit/logs/{id}/proof"),
    "getConsistencyProof": ("get", "/api/v1/audit/proofs/consistency"),
    "listAdminEvents": ("get", "/api/v1/audit/admin-events"),
    "readFeed": ("get", "/api/v1/audit/feed"),
    "health": ("get", "/api/v1/health"),
    "databaseHealth": ("get", "/api/v1/health/db"),
}
PROBLEM = {"$ref": "#/components/schemas/Problem"}


@pytest.fixture
def document(serve_file: Serve) -> dict[str, Any]:
    found: dict[str, Any] = serve_file().get("/openapi.json").json()
    return found


def test_it_is_valid(document: dict[str, Any]) -> None:
    openapi_spec_validator.validate(document)


def test_every_operation_has_a_name_of_its_own_a_tag_and_a_description(document: dict[str, Any]) -> None:
    found = {
        operation["operationId"]: (method, path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert found == OPERATIONS
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for method, path in OPERATIONS.values():
        operation = document["paths"][path][method]
        assert set(operation["tags"]) <= tags
        assert operation["summary"]
        assert operation["description"]
    assert document["servers"][0]["url"] == "/"


def test_every_operation_but_health_wants_a_credential(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["api_key"]["scheme"] == "bearer"
    assert schemes["tenant"]["name"] == "X-Tenant-ID"
    for method, path in OPERATIONS.values():
        wanted: list[dict[str, list[str]]] = (
            [] if path.startswith("/api/v1/health") else [{"api_key": []}, {"tenant": []}]
        )
        assert document["paths"][path][method]["security"] == wanted, path


def test_every_answer_is_announced_and_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    for method, path in OPERATIONS.values():
        responses = document["paths"][path][method]["responses"]
        wanted = {"400", "408", "431", "500", "503"}
        if not path.startswith("/api/v1/health"):
            wanted |= {"401", "403", "422"}
        if path.endswith(("/export", "/feed", *EVIDENCE)):  # which a file does not have; what is not sealed yet
            wanted |= {"409", "501"}
        if path.endswith("/consistency"):  # between sizes that were not signed, once their records are pruned
            wanted |= {"410"}
        if method == "post":
            wanted |= {"413", "415"}
        if "{" in path:
            wanted |= {"404"}
        assert set(responses) == wanted | {"201" if path == "/api/v1/audit/logs" and method == "post" else "200"}, path
        for status in wanted:
            assert responses[status]["content"]["application/problem+json"]["schema"] == PROBLEM, (path, status)


def test_bodies_are_components(document: dict[str, Any]) -> None:
    body = document["paths"]["/api/v1/audit/logs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    record = {"$ref": "#/components/schemas/NewRecord"}
    assert body == {"oneOf": [record, {"type": "array", "items": record, "minItems": 1}]}
    assert {"NewRecord", "Problem", "AuditRecord", "ExecuteRequest"} <= set(document["components"]["schemas"])
    assert "$defs" not in str(document)


def test_every_component_has_an_example_that_it_allows(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        whole = {"components": document["components"], **schema}
        assert schema["examples"], name
        for example in schema["examples"]:
            assert jsonschema_rs.is_valid(whole, example), name


def test_every_parameter_has_a_description_and_an_example_that_it_allows(document: dict[str, Any]) -> None:
    for method, path in OPERATIONS.values():
        for parameter in document["paths"][path][method].get("parameters", []):
            assert parameter["description"], (path, parameter["name"])
            whole = {"components": document["components"], **parameter["schema"]}
            assert jsonschema_rs.is_valid(whole, parameter["example"]), (path, parameter["name"])


def test_every_body_of_lines_has_an_example(document: dict[str, Any]) -> None:
    sent = document["paths"]["/api/v1/audit/logs"]["post"]["requestBody"]["content"]["application/x-ndjson"]
    exported = document["paths"]["/api/v1/audit/logs/export"]["get"]["responses"]["200"]["content"]
    record = {**document["components"]["schemas"]["NewRecord"], "components": document["components"]}
    stored = {**document["components"]["schemas"]["AuditRecord"], "components": document["components"]}
    assert jsonschema_rs.is_valid(record, json.loads(sent["example"]))
    assert jsonschema_rs.is_valid(stored, json.loads(exported["application/x-ndjson"]["example"].splitlines()[0]))
    assert list(stored["properties"]) == exported["text/csv"]["example"].splitlines()[0].split(",")


def test_every_text_of_evidence_has_an_example(document: dict[str, Any]) -> None:
    for path, media_type in (("checkpoint", "text/plain"), ("logs/{id}/proof", "text/plain")):
        content = document["paths"][f"/api/v1/audit/{path}"]["get"]["responses"]["200"]["content"]
        assert "\n\n— ringfence.example/acme " in content[media_type]["example"]
    lines = document["paths"]["/api/v1/audit/logs/{id}/leaf"]["get"]["responses"]["200"]["content"][
        "application/x-ndjson"
    ]
    assert [next(iter(json.loads(line))) for line in lines["example"].splitlines()] == ["version", "salt"]


LINTER = os.environ.get("REDOCLY") or shutil.which("redocly")


@pytest.mark.skipif(
    LINTER is None, reason="Redocly is not installed: npm install --global @redocly/cli, or set REDOCLY"
)
def test_a_second_linter_finds_nothing(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    done = subprocess.run(
        [str(LINTER), "lint", "--config", ROOT / "tests" / "support" / "redocly.yaml", tmp_path / "openapi.json"],
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("field", "allowed", "refused"),
    [
        ("agent_id", ["a", "x" * 128], ["", "x" * 129]),
        ("trace_id", ["a", "x" * 128, None], ["", "x" * 129]),
        ("user_id", ["a", "x" * 256, None], ["", "x" * 257]),
        ("error", ["a", "x" * 2000, None], ["", "x" * 2001]),
        ("mode", ["DRY_RUN", "LIVE"], ["live", ""]),
        ("status", ["started", "success", "error", "denied"], ["done", ""]),
        ("http_status", [100, 599, None], [99, 600, 2**31]),
        (
            "context",
            [{}, {"event": "a", "span_id": 1, "origin": False}, None],
            [{"prompt": "a"}, {"event": None}, {"event": {}}, []],
        ),
        ("latency_ms", [0, 2**31 - 1, None], [-1, 2**31]),
    ],
)
def test_what_the_document_allows_of_a_field_is_what_is_accepted(
    document: dict[str, Any], field: str, allowed: list[Any], refused: list[Any]
) -> None:
    schema = {**document["components"]["schemas"]["NewRecord"], "components": document["components"]}
    valid = {"agent_id": "a", "mode": "LIVE", "status": "success"}
    optional = dict.fromkeys(("trace_id", "user_id", "error", "http_status", "latency_ms", "context"))

    def accepted(value: Any) -> bool:
        record = optional | valid | {field: value}
        try:
            refuse_unstorable(record)
            refuse_broken_rule(record)  # tests/store/test_rules_agree.py holds it equal to the database
        except Exception:
            return False
        return True

    for value in (*allowed, *refused):
        assert accepted(value) == (value in allowed), value
        assert jsonschema_rs.is_valid(schema, valid | {field: value}) == (value in allowed), value


def test_the_model_of_a_record_has_the_fields_of_a_record() -> None:
    assert set(NewRecord.model_fields) == set(Record.__slots__) | {"created_at"}


def test_every_kind_of_problem_is_in_the_document_and_on_the_page(document: dict[str, Any]) -> None:
    kinds = STATUSES
    announced = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert announced == [f"urn:ringfence:problem:{kind}" for kind in kinds]
    section = walkthrough.section((ROOT / "docs/http.md").read_text(), "Problems")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", section, re.MULTILINE))
    assert rows == {kind: str(status) for kind, status in kinds.items()}


def test_no_kind_is_sent_that_is_none() -> None:
    sent = set()
    for file in (ROOT / "app").rglob("*.py"):
        sent |= set(re.findall(r"""(?:_refuse|problem)\([^)"]*\d{3}, "([a-z-]+)\"""", file.read_text()))
        sent |= {FRAMEWORK_KINDS[int(status)] for status in re.findall(r"HTTPException\((\d{3})", file.read_text())}
    assert {"head-too-large", "body-too-large", "request-timeout"} <= sent
    assert sent <= STATUSES.keys()

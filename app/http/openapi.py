"""Completes the OpenAPI document with what FastAPI cannot know.

That is the credentials, the problems that every route may answer, bodies that the service reads by itself, and an
example of each model.
"""

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.http.problems import PROBLEM_MEDIA_TYPE, STATUSES
from app.http.schemas import CONTEXT_SCHEMA, NewRecord, Problem
from app.model.context import CONTEXT_NAMES

DESCRIPTION = """Records what AI agents were asked to do, did, or were refused, separately for each tenant.

An API key proves the tenant: `Authorization: Bearer rf_...`. Behind a gateway, `X-Tenant-ID` names it.
A request that writes is answered after its records are committed.
Refusals are problems as of RFC 9457; their `type` is stable."""
TAGS = [
    {"name": "agents", "description": "Executing agents, each execution recorded."},
    {"name": "audit", "description": "The records of a tenant: writing, listing, exporting."},
    {"name": "evidence", "description": "Proving offline that no sealed record was changed, added or removed."},
    {"name": "health", "description": "Whether the service answers, and whether it can store records."},
]
_SCHEMES = {
    "api_key": {"type": "http", "scheme": "bearer", "description": "An API key, rf_..., if the service checks keys."},
    "tenant": {"type": "apiKey", "in": "header", "name": "X-Tenant-ID", "description": "Only behind a gateway."},
}
_OPEN = "/api/v1/health"
# Any request may be invalid HTTP, too slow, too large in its head, fail, or meet an overload.
_ANYWHERE = (400, 408, 431, 500, 503)
# FastAPI sees these in no route: one is a body that the service reads by itself, the other is made by error handlers.
_MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [(NewRecord, "validation"), (Problem, "serialization")]
_RECORD = {
    "agent_id": "credit-scoring", "mode": "LIVE", "status": "success", "http_status": 200, "latency_ms": 41,
    "user_id": "jane", "context": {"event": "loan.refused", "policy_id": "L-12"},
}  # fmt: skip
_ID, _TIME = "01a204ce-066a-7609-8de6-97e408bf49d8", "2026-11-22T19:49:00.650996Z"
_STORED = {"id": _ID, "trace_id": "4711", "tenant_id": "acme", **_RECORD, "error": None, "created_at": _TIME}
_STORED |= {"recorded_at": _TIME, "api_key_id": "98ad53c47f631b51", "context": _STORED.pop("context")}
_EXECUTION = {
    "id": _ID, "trace_id": "4711", "tenant_id": "acme", "agent_id": "credit-scoring", "mode": "DRY_RUN",
    "status": "success", "http_status": None, "latency_ms": None,
    "output": {"would_call": None, "live_enabled": False},
}  # fmt: skip
_EVENT = {
    "id": _ID, "tenant_id": "acme", "act": "api key issued", "api_key_id": "98ad53c47f631b51", "actor": "alice",
    "created_at": _TIME, "detail": {"label": "loan service", "scopes": ["write"]},
}  # fmt: skip
_EXAMPLES: dict[str, dict[str, Any]] = {
    "ExecuteRequest": {
        "input": {"amount": 1200}, "mode": "DRY_RUN", "user_id": "jane", "context": {"event": "loan.asked"},
    },
    "Context": {"event": "loan.refused", "policy_id": "L-12", "approver": "jane", "gen_ai.request.model": "gpt-4o"},
    "ExecuteResponse": _EXECUTION,
    "NewRecord": _RECORD,
    "RecordsResponse": {"tenant_id": "acme", "count": 2, "id": None},
    "AuditRecord": _STORED,
    "ListResponse": {
        "count": 1, "items": [_STORED], "next_cursor": None, "previous_cursor": "cursor-of-the-records-before",
        "has_more": False,
    },
    "AdminEvent": _EVENT,
    "AdminEventDetail": {"label": "loan service", "scopes": ["write"]},
    "AdminEventsResponse": {"count": 1, "items": [_EVENT], "next_cursor": None, "has_more": False},
    "ConsistencyProof": {
        "tenant_id": "acme", "epoch": 1, "from": 1, "to": 2,
        "from_root": "kQm0bq3cC1zK1bQn1eYJ3g2b5p0mS0oZ9qv1zWw7Vb8=",
        "to_root": "5K6Mh3hBmOFEsLcKyuSp5kWqpMBdHmMBvLzpVUFqK5g=",
        "hashes": ["uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="],
    },
    "HealthResponse": {"status": "ok", "version": "0.2.0", "database": "up"},
    "DatabaseHealthResponse": {
        "status": "ok", "backend": "postgresql", "latency_ms": 0.973, "isolation": "intact", "tenant_source": "api_key",
    },
    "Problem": {
        "type": "urn:ringfence:problem:invalid-request", "title": "Unprocessable Entity", "status": 422,
        "detail": "mode: DRY_RUN or LIVE", "trace_id": "4711",
        "errors": [{"field": "mode", "detail": "DRY_RUN or LIVE", "line": 4322}],
    },
}  # fmt: skip

_PARAMETERS: dict[str, Any] = {
    "id": _ID, "tenant_id": "acme", "agent_id": "credit-scoring", "trace_id": "4711", "user_id": "jane", "mode": "LIVE",
    "status": "denied", "http_status": 200, "start_time": "2026-11-22T00:00:00Z", "end_time": "2026-11-23T00:00:00Z",
    "order": "asc", "limit": 50, "cursor": "next_cursor-of-the-page-before", "consistency": "strong",
    "format": "csv", "bom": True, "act": "api key issued", "api_key_id": "98ad53c47f631b51",
    "Idempotency-Key": "import-2026-11-22-part-7", **{f"context.{name}": "4711" for name in CONTEXT_NAMES},
    "epoch": 1, "size": 1205, "from": 1000, "to": 1205, "after": "1.1205.2c26b46b68ffc68f", "wait": 30,
    "Content-Encoding": "gzip",
}  # fmt: skip
# Of bodies that are lines of text, whose schema says no more than that.
_LINES_SENT = {"application/x-ndjson": json.dumps(_RECORD) + "\n"}
_LINES_EXPORTED = {
    "application/x-ndjson": json.dumps(_STORED) + '\n{"complete": true, "count": 1}\n',
    "text/csv": ",".join(_STORED) + "\n" + ",".join(str(value or "") for value in _STORED.values()) + "\n#complete,1\n",
}
_DESCRIPTIONS = {
    "id": "The record's id.",
    "agent_id": "Only records of this agent.",
    "trace_id": "Only records of this trace.",
    "user_id": "Only records on behalf of this user.",
    "mode": "Only records of this mode.",
    "status": "Only records with this status.",
    "http_status": "Only records with this HTTP status of the agent's answer.",
    "order": "By time: desc is newest first, asc is oldest first.",
    "limit": "The most items of one page.",
    "format": "One JSON object a line, CSV, or what verifies the records offline.",
    "act": "Only events of this kind.",
    "size": "Number of leaves of the tree that the checkpoint is of; by default of its newest checkpoint.",
    "from": "The smaller size of the tree.",
    "to": "The larger size of the tree.",
}


def component(model: type[BaseModel]) -> dict[str, str]:
    """Return a reference to the component of `model`."""
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route for its own refusals; those of every route are added to the document."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_MEDIA_TYPE: {"schema": component(Problem)}},
        }
        for status in statuses
    }


def complete_document(app: FastAPI) -> None:
    """Override app.openapi(), as FastAPI documents it, with the completed document."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(make())
        return make()

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    components = document["components"]
    components["securitySchemes"] = _SCHEMES
    _, made = models_json_schema(_MODELS, ref_template="#/components/schemas/{model}")
    schemas = components["schemas"] = dict(
        sorted({**components["schemas"], **made["$defs"], "Context": CONTEXT_SCHEMA}.items())
    )
    schemas["Problem"]["properties"]["type"]["enum"] = [f"urn:ringfence:problem:{kind}" for kind in STATUSES]
    for name, example in _EXAMPLES.items():
        schemas[name]["examples"] = [example]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path.startswith(_OPEN) else [{name: []} for name in _SCHEMES]
            _announce(operation["responses"])
            for parameter in operation.get("parameters", ()):
                parameter.setdefault("description", _DESCRIPTIONS.get(parameter["name"]))
                words = parameter["schema"].get("enum", ())
                example = _PARAMETERS[parameter["name"]]
                parameter.setdefault("example", words[0] if words and example not in words else example)
            _show(operation.get("requestBody", {}), _LINES_SENT)
            _show(operation["responses"].get("200", {}), _LINES_EXPORTED)


def _show(body: dict[str, Any], examples: dict[str, str]) -> None:
    for media_type, content in body.get("content", {}).items():
        if media_type in examples:
            content.setdefault("example", examples[media_type])


def _announce(responses: dict[str, Any]) -> None:
    for status, refusal in refusals(*_ANYWHERE).items():
        announced = responses.setdefault(str(status), {"description": HTTPStatus(int(status)).phrase})
        announced["content"] = {
            **announced.get("content", {}),
            PROBLEM_MEDIA_TYPE: refusal["content"][PROBLEM_MEDIA_TYPE],
        }

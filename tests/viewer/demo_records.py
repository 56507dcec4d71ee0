"""A morning at a bank that does not exist: records for the pictures in docs/view, the same but for their day."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app.model.strict_json import dump

MORNING = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=6)
"""When it began: within the hours that the overview shows."""
KEY_ID = "5d0c7a91be42f386"
LIVE, DRY_RUN = "LIVE", "DRY_RUN"
_COLUMNS = (
    "id", "trace_id", "tenant_id", "agent_id", "mode", "status", "http_status", "latency_ms", "user_id", "error",
    "context", "created_at", "recorded_at", "api_key_id",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO audit.audit_logs ({', '.join(_COLUMNS)}) VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)})"
)
# Minutes after the first, agent, user, mode, how it ended, milliseconds, and what is said beside that.
_ACTS: tuple[tuple[float, str, str | None, str, str, int | None, dict[str, Any]], ...] = (
    (0.0, "kyc-review", "a.ndiaye", DRY_RUN, "success", 41, {}),
    (12.8, "kyc-review", "a.ndiaye", LIVE, "success", 1480, {"event": "approved", "resource": "customer 40817"}),
    (31.6, "credit-scoring", "l.rossi", LIVE, "success", 912, {}),
    (45.6, "credit-scoring", "l.rossi", LIVE, "success", 887, {}),
    (64.0, "fraud-triage", None, LIVE, "success", 233, {"event": "flagged", "resource": "card 5512"}),
    (86.0, "complaints-summary", "s.okafor", DRY_RUN, "success", 58, {}),
    (96.4, "complaints-summary", "s.okafor", LIVE, "success", 2604, {}),
    (124.0, "credit-scoring", "j.meyer", LIVE, "error", 30004, {"error": "the agent did not answer within 30 s"}),
    (134.8, "credit-scoring", "j.meyer", LIVE, "success", 941, {}),
    (160.8, "payment-release", "j.meyer", LIVE, "denied", None, {"error": "the agent is not allowed to be called"}),
    (179.2, "fraud-triage", None, LIVE, "success", 201, {}),
    (210.4, "kyc-review", "a.ndiaye", LIVE, "error", 640, {"http_status": 502, "error": "the agent answered with 502"}),
    (220.0, "kyc-review", "a.ndiaye", LIVE, "success", 1533, {"event": "referred", "resource": "customer 40822"}),
    (245.2, "payment-release", "l.rossi", DRY_RUN, "success", 47, {}),
    (266.4, "payment-release", "l.rossi", LIVE, "unknown", None, {"policy_id": "payments-4", "approver": "s.okafor"}),
)
UNKNOWN, PROVEN = 266.4, 12.8
"""Minutes of two acts that have a picture of their own: one without an outcome, and one whose proof is shown."""


def id_of(minutes: float, part: int = 1) -> str:
    """Return the id of a record of an act. part: 0 when a LIVE call began, 1 when it ended."""
    milliseconds = int((MORNING + timedelta(minutes=minutes)).timestamp() * 1000) + part
    return str(UUID(int=milliseconds << 80 | 0x7 << 76 | int(minutes * 10) << 64 | 0x2 << 62 | 0x2F31 + part))


def _records() -> list[dict[str, Any]]:
    found = []
    for minutes, agent, user, mode, status, took, said in _ACTS:
        began = MORNING + timedelta(minutes=minutes)
        trace_id = hashlib.sha256(str(minutes).encode()).hexdigest()[:32]
        usual: dict[str, Any] = {
            "trace_id": trace_id, "tenant_id": "acme", "agent_id": agent, "mode": mode, "user_id": user,
            "api_key_id": KEY_ID, "error": None, "http_status": None, "latency_ms": None,
        }  # fmt: skip
        context = {name: value for name, value in said.items() if name not in ("error", "http_status")}
        usual["context"] = dump(context) if context else None
        if mode == LIVE and status != "denied":
            found.append(usual | {"id": id_of(minutes, 0), "status": "started", "created_at": began})
        if status == "unknown":
            continue
        ended = {name: value for name, value in said.items() if name in ("error", "http_status")}
        if status == "success" and mode == LIVE:
            ended["http_status"] = 200
        times = {"created_at": began + timedelta(milliseconds=took or 1), "latency_ms": took}
        found.append(usual | times | ended | {"id": id_of(minutes), "status": status})
    return [each | {"recorded_at": each["created_at"] + timedelta(milliseconds=2)} for each in found]


def store(superuser_url: str) -> None:
    """Store the records, with their own times, as only a superuser can."""
    with psycopg.connect(superuser_url) as superuser, superuser.cursor() as cursor:
        cursor.executemany(_INSERT.encode(), _records())

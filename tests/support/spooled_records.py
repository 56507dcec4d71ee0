"""Records of the spool, made by hand."""

import json
from datetime import UTC, datetime
from typing import Any

from app.model.credential import ApiKey, SpoolKeySource
from app.model.uuid_v7 import uuid_v7
from app.services.spool.lines import for_replay, spool_line


def spooled(key: str, *, tenant: str = "acme", source: SpoolKeySource = "secret", **changed: Any) -> dict[str, str]:
    """Return a record sent with `key` as audit.replay_audit_logs() takes it. changed: fields, after it was signed."""
    record = {
        "id": str(uuid_v7()), "tenant_id": tenant, "agent_id": "agent", "mode": "LIVE", "status": "error",
        "created_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    element = for_replay(spool_line(ApiKey(key, None), source, record))
    assert element is not None
    if changed:
        element["line"] = json.dumps(json.loads(element["line"]) | changed)
    return element

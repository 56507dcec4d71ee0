"""The overview of a tenant: of its own records, keys, terms and holds, for a key that reads and for a name."""

import json
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from app.model.credential import ApiKey, Credential, NamedTenant
from app.model.record import Record
from app.model.refusals import RingfenceError
from app.model.uuid_v7 import uuid_v7
from app.services.audit_logger import AuditLogger
from app.services.db import Database
from app.services.postgres.store import DatabaseAuditLogger
from tests.conftest import TestDatabase


def overview(portal: BlockingPortal, store: AuditLogger, credential: Credential) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(portal.call(store.summarize, credential))
    return found


@pytest.mark.parametrize("role", ["audit_app", None])
def test_a_tenant_gets_its_own_overview(portal: BlockingPortal, database: TestDatabase, role: str | None) -> None:
    secrets = {tenant: database.issue_api_key(tenant, "read", "write") for tenant in ("acme", "globex")}
    database.execute("SELECT audit.set_retention('globex', NULL, 30)")
    database.execute("SELECT audit.place_hold('acme', 'reason', 'case 1', p_user_id => 'jane')")
    store = DatabaseAuditLogger(Database(database.url(role) if role else database.url(), pool_size=1, pool_timeout=5))
    acme, globex = (ApiKey(secrets[name], None) if role else NamedTenant(name) for name in ("acme", "globex"))
    portal.call(store.open)
    try:
        for status in ("success", "error", "denied"):
            record = Record(id=uuid_v7(), agent_id="a", mode="LIVE", status=status)
            portal.call(store.write_log, acme, record)
        found, other = overview(portal, store, acme), overview(portal, store, globex)
    finally:
        portal.call(store.close)

    for each, counted in ((found, [3, 1, 1]), (other, [0, 0, 0])):
        assert len(each["hours"]) == 24
        # Two hours, should one begin meanwhile.
        assert [sum(hour[name] for hour in each["hours"][-2:]) for name in ("records", "error", "denied")] == counted
    assert (found["sealing"]["waiting"], other["sealing"]["waiting"]) == (3, 0)
    assert found["checkpoint"] is other["checkpoint"] is None
    assert (found["retention"], other["retention"]["dry_run_days"]) == (None, 30)
    assert [(hold["reference"], hold["is_of_a_person"]) for hold in found["holds"]] == [("case 1", True)]
    assert other["holds"] == []
    assert [key["id"] for key in found["api_keys"]] == [secrets["acme"].split("_")[1]]
    assert [key["id"] for key in other["api_keys"]] == [secrets["globex"].split("_")[1]]


def test_a_key_that_may_only_write_gets_none(portal: BlockingPortal, database: TestDatabase) -> None:
    store = DatabaseAuditLogger(Database(database.url("audit_app"), pool_size=1, pool_timeout=5))
    portal.call(store.open)
    try:
        with pytest.raises(RingfenceError) as refused:
            overview(portal, store, ApiKey(database.issue_api_key("acme", "write"), None))
        assert refused.value.kind == "scope-missing"
        assert overview(portal, store, ApiKey(database.issue_api_key("acme", "read"), None))["holds"] == []
    finally:
        portal.call(store.close)


def test_a_file_has_none(portal: BlockingPortal, both: tuple[AuditLogger, AuditLogger]) -> None:
    with pytest.raises(RingfenceError) as refused:
        overview(portal, both[1], NamedTenant("acme"))
    assert refused.value.kind == "evidence-unavailable"
    with pytest.raises(RingfenceError) as refused:
        overview(portal, both[1], NamedTenant("Acme"))
    assert refused.value.kind == "tenant-unknown"

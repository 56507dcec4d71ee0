"""Keys and people are in no repr, no log and no message; the spool is its owner's alone."""

import logging
import os
from pathlib import Path

import pytest
from conftest import Service, Tenant, eventually

import ringfence


def test_neither_key_nor_person_is_in_a_repr_or_a_log(
    service: Service, tenant: Tenant, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx")  # LiteLLM, once imported, has quieted it
    secret = tenant.key.split("_")[2]
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        with audit.execution("kyc", user="jane-doe", context={"approver": "john-doe"}) as e:
            shown = f"{audit!r} {e!r} {audit._to!r} {audit._http!r}"
        (started, _) = audit.logs(user="jane-doe", order="asc", context={"approver": "john-doe"})
        assert started.user_id == "jane-doe"
        list(audit.export(user="jane-doe"))
        shown += repr(started)
        service.kill()
        audit.record("kyc", status="error", user="jane-doe", error="about jane-doe")
        with pytest.raises(ringfence.Unavailable) as unavailable:
            list(audit.logs(user="jane-doe"))

    shown += f"{unavailable.value!r} {caplog.text}"
    assert "/api/v1/audit/logs" in caplog.text
    for hidden in (secret, "jane-doe", "john-doe"):
        assert hidden not in shown


def test_the_spool_is_readable_by_its_owner_alone_and_holds_no_key(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    service.kill()
    before = os.umask(0)
    try:
        with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
            audit.record("kyc", status="success", user="jane")
            files = {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in spool.parent.iterdir()}
    finally:
        os.umask(before)

    assert {mode for mode, _ in files.values()} == {0o600}
    assert spool.parent.stat().st_mode & 0o777 == 0o700
    content = b"".join(content for _, content in files.values())
    assert b"jane" in content
    assert tenant.key.split("_")[2].encode() not in content


def test_a_spool_that_others_could_read_is_closed_to_them(service: Service, tenant: Tenant, spool: Path) -> None:
    spool.parent.mkdir()
    spool.touch(mode=0o644)
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")

    assert spool.stat().st_mode & 0o777 == 0o600


def test_the_spool_is_made_closed_and_not_closed_later(
    service: Service, tenant: Tenant, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")

    assert spool.stat().st_mode & 0o777 == 0o600


def test_what_was_replayed_is_not_left_in_the_spool(service: Service, tenant: Tenant, spool: Path) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success", user="jane-doe")
        service.start()
        eventually(lambda: audit.spooled == 0)

    assert tenant.records("user_id") == [("jane-doe",)]
    assert b"jane-doe" not in b"".join(path.read_bytes() for path in spool.parent.iterdir())


def test_a_client_is_not_used_by_a_forked_process(audit: ringfence.Client, tenant: Tenant) -> None:
    audit.record("kyc", status="success")
    if (child := os.fork()) == 0:
        try:
            audit.record("kyc", status="error")
        except ringfence.NotRecorded:
            os._exit(42)
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    assert tenant.records() == [("success",)]
